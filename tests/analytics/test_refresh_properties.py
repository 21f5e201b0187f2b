"""However events arrive, the facts are those of one rebuild: order, repeats, lateness, batches, restarts."""

from itertools import pairwise

import pytest
from hypothesis import Phase, given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from analytics.folding.rebuild import table_hash
from analytics.folding.refresh import Refresher
from analytics.folding.scratch import Scratch, scratch
from analytics.landing.batches import Lander
from analytics.views import read_views
from analytics.warehouse import Batch, open_writer
from schemas.company import parse_company
from schemas.envelope import Event
from tests.analytics.drawn import COMPANY, COMPANY_TEXT
from tests.analytics.landing_cases import NOW, histories, records_of, settings_at
from tests.analytics.retold import last_of, retold

FAR = parse_company(COMPANY_TEXT.replace('"acme"', '"bolt"').replace("Asia/Almaty", "America/Sao_Paulo"))
COMPANIES = (COMPANY, FAR)
TABLES = [view.relation for view in read_views() if view.is_table]
# One case lands up to a hundred batches; the lake itself, which is slower still, has a few cases of its own below.
CASES = max(5, drawing.default.max_examples // 8) if drawing.default else 5
LAKE_CASES = max(2, drawing.default.max_examples // 25) if drawing.default else 2
# None, fewer than a batch, and all events in memory.
# A failing case is told as it was drawn: to make it smaller would land for many minutes.
PHASES = (Phase.explicit, Phase.generate)
HOT_EVENTS = st.sampled_from((0, 3, 200_000))
# Calls and messages of contacts are searched for in the lake, or found in memory.
MEMORY_MIB = st.sampled_from((0, 256))


@drawing(max_examples=CASES, phases=PHASES)
@given(history=histories(), hot_events=HOT_EVENTS, memory_mib=MEMORY_MIB, draws=st.data())
def test_facts_landed_in_any_order_batch_and_repetition_equal_one_rebuild(
    history: list[Event], hot_events: int, memory_mib: int, draws: st.DataObject
) -> None:
    warehouse = scratch(COMPANIES)
    warehouse.build()
    lander = _lander(warehouse, hot_events=hot_events, memory_mib=memory_mib)
    for batch, restarts in _batches(history, draws=draws):
        if restarts:
            lander = _lander(warehouse, hot_events=hot_events, memory_mib=memory_mib)
        lander.land(batch, now=NOW)
    landed = _hashes(warehouse)
    warehouse.build()
    rebuilt = _hashes(warehouse)
    ids = warehouse.connection.rows("select count(*), count(distinct id) from log.events")
    warehouse.close()
    distinct = len({fact.id for fact in history})
    assert ids == [(distinct, distinct)]
    assert landed == rebuilt


@drawing(max_examples=LAKE_CASES, phases=PHASES)
@given(history=histories().flatmap(lambda told: retold(told, most=3)), hot_events=HOT_EVENTS, draws=st.data())
def test_the_lake_gives_the_same_facts_through_restarts_and_maintenance(
    tmp_path_factory: pytest.TempPathFactory, history: list[Event], hot_events: int, draws: st.DataObject
) -> None:
    settings = settings_at(tmp_path_factory.mktemp("home"), hot_events=hot_events)
    writer = open_writer(settings)
    for batch, restarts in _batches(history, draws=draws):
        if restarts:
            writer.close()
            writer = open_writer(settings)
        writer.land(batch, now=NOW)
        if restarts:
            writer.maintain(NOW)
    rebuilt = writer.rebuild(verify=True)
    kept = writer.connection.rows("select id, type, strftime(revision, '%Y-%m-%dT%H:%M:%S.%gZ') from log.events")
    writer.close()
    assert sorted(kept) == sorted((id_, fact.type, fact.revision or None) for id_, fact in last_of(history).items())
    assert [table["table"] for table in rebuilt if not table["same"]] == []


def _lander(warehouse: Scratch, *, hot_events: int, memory_mib: int) -> Lander:
    refresher = Refresher(warehouse.connection, read_views(), companies=COMPANIES, memory_mib=memory_mib)
    return Lander(warehouse.connection, refresher=refresher, hot_events=hot_events)


def _batches(history: list[Event], *, draws: st.DataObject) -> list[tuple[Batch, bool]]:
    """Cut a history into batches, and say before which of them the lander is restarted."""
    records = records_of(history)
    cuts = sorted(draws.draw(st.sets(st.integers(1, max(1, len(records) - 1)), max_size=8)))
    bounds = [0, *cuts, len(records)]
    return [(Batch(records[first:last]), draws.draw(st.booleans())) for first, last in pairwise(bounds)]


def _hashes(warehouse: Scratch) -> dict[str, object]:
    return {relation: table_hash(warehouse.connection, relation) for relation in TABLES}
