"""Every SQL file is what its header says: its columns, its grain, the layers it reads."""

import msgspec
import pytest

from analytics.company.reference import TABLES, frames, load
from analytics.folding.scratch import Scratch
from analytics.views import View, read_views, refuse_sums_of_contacts
from schemas.company import Company
from schemas.prices import ALWAYS, FOR_EVER
from tests.analytics.drawn import COMPANY, drawn_events, warehouse

_VIEWS = read_views()
_LAYERS_READ = {
    "staging": {"log", "staging", "reference"},
    "facts": {"staging", "facts", "reference"},
    # What came late is known by the log alone.
    "reports": {"log", "staging", "facts", "reports", "reference"},
    "metrics": {"facts", "reports", "reference"},
    "checks": {"log", "staging", "facts", "reports", "reference"},
}
_FACTS = """
call | leg | fact                     | at       | says
a    |     | offered                  | 05:00:00 | direction=incoming; contact=phone:+77010000001
a    | l   | rang                     | 05:00:01 | operator=PJSIP/101
a    | l   | ended                    | 05:05:12 | disposition=completed; talk_seconds=300; operator=PJSIP/101
a    |     | ended                    | 05:05:12 | disposition=completed
a    |     | recording_made_available | 05:05:13 | recording_id=r; url=x
a    |     | transcribed              | 05:06:12 | recording_id=r; origin=whisperx; model=m; language=kk; grade=turns; duration_seconds=3; channels=1; turns=[{"channel":0,"role":"operator","start_seconds":0,"end_seconds":1},{"channel":0,"role":"operator","start_seconds":2,"end_seconds":3}]
b    |     | offered                  | 05:06:00 | direction=outgoing; contact=phone:+77010000001
"""  # noqa: E501
_MESSAGES = """
message | fact      | at       | says
m       | sent      | 05:00:00 |
m       | delivered | 05:00:01 |
n       | received  | 05:00:00 |
"""


@pytest.fixture(scope="module")
def built() -> Scratch:
    return warehouse([*drawn_events(_FACTS), *drawn_events(_MESSAGES)])


def _name(view: View) -> str:
    return view.relation


@pytest.mark.parametrize("view", _VIEWS, ids=_name)
def test_the_header_declares_the_columns_that_the_engine_describes(view: View, built: Scratch) -> None:
    described = built.sql(f"describe {view.relation}").select("column_name", "column_type").rows()
    declared = [(column.name, column.type.upper()) for column in view.columns]

    assert declared == [(name, kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for name, kind in described]


@pytest.mark.parametrize("view", _VIEWS, ids=_name)
def test_the_key_of_the_header_is_the_grain(view: View, built: Scratch) -> None:
    keys = built.sql(f"from {view.relation}").select(view.key).rows()

    assert view.key
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("view", _VIEWS, ids=_name)
def test_a_view_reads_only_the_layers_below(view: View) -> None:
    assert {relation.partition(".")[0] for relation in view.reads} <= _LAYERS_READ[view.layer]


@pytest.mark.parametrize("view", [view for view in _VIEWS if view.layer == "facts" and view.is_table], ids=_name)
def test_a_fact_says_what_it_is_folded_from_and_by(view: View) -> None:
    columns = {column.name for column in view.columns}

    if view.is_of_contacts:
        assert view.entity == "contact_id"
        assert any(relation.startswith("facts.") for relation in view.reads)
    else:
        assert view.time
        assert [] == [
            fact.relation
            for fact in _VIEWS
            if fact.relation in view.reads and fact.layer == "facts" and fact.events != view.events
        ]
    assert {view.entity, *filter(None, [view.time])} <= columns


@pytest.mark.parametrize("view", [view for view in _VIEWS if view.layer == "facts" and not view.is_table], ids=_name)
def test_a_fact_that_is_folded_by_nothing_shows_rows_of_others(view: View) -> None:
    assert {"facts"} <= {relation.partition(".")[0] for relation in view.reads} <= {"facts", "reference"}
    assert not view.events


def test_a_table_that_sums_facts_of_contacts_is_refused_by_a_sentence() -> None:
    summed = View(
        layer="reports",
        name="contacts_daily",
        grain="",
        by=("day",),
        select="select day from facts.contacts group by day",
    )

    with pytest.raises(ValueError, match=r"reports\.contacts_daily cannot .* facts\.contacts is folded by contact"):
        refuse_sums_of_contacts([*_VIEWS, summed])


@pytest.mark.parametrize("name", list(TABLES))
def test_a_reference_table_has_the_columns_it_declares(name: str, built: Scratch) -> None:
    described = built.sql(f"describe reference.{name}").select("column_name", "column_type").rows()

    assert [(column, kind.upper()) for column, (kind, _) in TABLES[name][1].items()] == described


def test_reference_tables_hold_the_company_data() -> None:
    tables = frames([COMPANY])

    assert [("acme", "Acme", "Asia/Almaty", "KZ", "mon", "KZT", "meta")] == tables["companies"].rows()
    assert [
        ("acme", "PJSIP/101", "aigul", "sales", ALWAYS, FOR_EVER),
        ("acme", "PJSIP/102", "oleg", "sales", ALWAYS, FOR_EVER),
        ("acme", "client:aigul", "aigul", "sales", ALWAYS, FOR_EVER),
    ] == tables["endpoints"].rows()
    assert [
        ("acme", 1, "09:00:00", "13:00:00"),
        ("acme", 1, "14:00:00", "18:00:00"),
        ("acme", 2, "09:00:00", "18:00:00"),
        ("acme", 6, "22:00:00", "23:59:59.999999"),
    ] == [(company, day, str(opens), str(closes)) for company, day, opens, closes, *_ in tables["hours"].rows()]
    assert [
        ("acme", "+77019999999", "test", ALWAYS, FOR_EVER),
        ("acme", "+77271111111", "internal", ALWAYS, FOR_EVER),
    ] == tables["numbers"].rows()
    assert set(TABLES) == set(tables)


@pytest.mark.parametrize(
    ("companies", "is_changed"),
    [
        ((COMPANY,), False),
        ((), True),
        ((msgspec.structs.replace(COMPANY, time_zone="Asia/Aqtau"),), True),
        ((msgspec.structs.replace(COMPANY, hours={}),), True),
    ],
)
def test_loading_tells_whether_company_data_changed(companies: tuple[Company, ...], *, is_changed: bool) -> None:
    connection = warehouse([]).connection

    assert is_changed == load(connection, companies)
    assert not load(connection, companies)
