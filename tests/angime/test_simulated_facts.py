"""The simulated company's deliveries, read by the real sources, fill the facts, and no check finds a fault in them."""

import tomllib

import pytest

from analytics.folding.scratch import Scratch
from analytics.views import read_views
from angime.simulator.company import COMPANY
from angime.simulator.delivery import Parcel, parcels
from angime.simulator.house import Told, furnish
from angime.simulator.trackers import LISTENED_FOR
from angime.simulator.traffic import tell
from pipelines.sources import SOURCES
from schemas.company import Company, parse_company
from schemas.envelope import Event
from schemas.records import RawRecord
from streams.demo_model import RECIPE_PATH
from tests.analytics.drawn import drawn_events, warehouse
from tests.analytics.drawn_talk import talk

NOW, DAYS, CALLS = 1_790_000_000, 30, 400
# What the simulator does not tell: it hands out no recordings here, and its accounts only talk.
EMPTY = {
    "facts.account_states",
    "facts.accounts",
    "facts.beeps",
    "facts.call_talk",
    "facts.recordings",
    "facts.tracker_hits",
    "facts.turns",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    home = tmp_path_factory.mktemp("demo")
    furnish(home, told=Told(seed=3, now=NOW, days=DAYS, calls=CALLS), recordings_host="127.0.0.1:9")
    company = parse_company((home / "company.toml").read_text(encoding="utf-8"))
    events: dict[str, Event] = {}
    for parcel in parcels(tell(seed=3, now=NOW, days=DAYS, calls=CALLS), audio={}):
        events |= {event.id: event for event in _read(parcel, company=company)}
    return warehouse(events.values(), [company])


def _read(parcel: Parcel, *, company: Company) -> tuple[Event, ...]:
    _, _, source, name = parcel.path.split("/")
    account = company.account(name)
    assert account is not None
    raw = RawRecord(
        raw_id="8f0b1c5e-27ce-5f0a-9a2f-61d1a4c3b7e1",
        source=source,
        account=name,
        company=COMPANY,
        received_at="2026-10-01T00:00:00.000Z",
        content_type=parcel.content_type if parcel.form is None else "application/x-www-form-urlencoded",
        body=parcel.body,
    )
    translation = SOURCES[source].translate(raw, company=company, account=account)
    assert translation.refused == ()
    return translation.events


def test_the_simulator_fills_every_fact_that_it_can_tell(built: Scratch) -> None:
    facts = [view.relation for view in read_views() if view.layer == "facts"]
    empty = {relation for relation in facts if not built.sql(f"from {relation} limit 1").height}

    assert empty == EMPTY


@pytest.mark.parametrize("check", [view for view in read_views() if view.layer == "checks"], ids=lambda one: one.name)
def test_no_check_finds_a_fault_in_the_simulated_company(built: Scratch, check: object) -> None:
    relation, severity = getattr(check, "relation", ""), getattr(check, "severity", "")

    assert severity == "warn" or built.sql(f"from {relation}").rows() == []


def test_contacts_who_are_known_by_several_channels_are_one(built: Scratch) -> None:
    linked = "select count(*) from facts.contacts where list_contains(list_transform(identities, lambda one: one[:4]), 'crm_') and len(identities) = 3"  # noqa: E501

    assert built.sql(linked).item() > 10


@pytest.mark.parametrize("language", ["en", "ru", "kk", "pt"])
def test_the_simulated_company_hears_what_it_listens_for_in_every_language(language: str) -> None:
    said = tomllib.loads(RECIPE_PATH.read_text(encoding="utf-8"))["sentences"][language]
    spoken = [row for name, row in said.items() if name != "espeak"]
    turns = "\n".join(
        ["call | who | from | to | says"]
        + [f"a | {row['role']} | {4 * place} | {4 * place + 3} | {row['text']}" for place, row in enumerate(spoken)]
    )
    company = parse_company(
        f'id = "acme"\nname = "Acme"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n{LISTENED_FOR}'
    )
    built = warehouse(drawn_events(talk(turns, "call | seconds\na | 40")), companies=[company])

    found = built.sql("select distinct tracker_id from facts.tracker_hits order by all")["tracker_id"].to_list()
    assert found == ["greeting", "need", "next_step", "price"]
    assert built.sql("select distinct card_earned, card_points from reports.scorecards").rows() == [(100, 100)]
