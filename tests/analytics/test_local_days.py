"""Whatever has a day has the local one of the company's clock, not that of UTC: of every fact and report at once."""

from datetime import UTC, date, datetime
from zoneinfo import available_timezones

from analytics.engine.zones import first_apart
from analytics.views import read_views
from schemas.company import Company
from schemas.ids import conversation_id
from tests.analytics.drawn import COMPANY, drawn_events, warehouse

TURNS = (
    '[{"channel": 0, "role": "operator", "start_seconds": 0, "end_seconds": 9, "text": "hello", '
    '"words": [{"text": "hello", "start_seconds": 0, "end_seconds": 1}]}]'
)
BEEPS = '[{"channel": 0, "start_seconds": 1, "end_seconds": 2, "kind": "card"}]'
GROUP = f"channel=telegram; conversation_id={conversation_id('acme', 'telegram_group', '1')}"
# Half past midnight in Almaty, on the day after the one in UTC.
FACTS = f"""
call   | leg | fact                     | at       | says
missed |     | offered                  | 19:30:00 | direction=incoming; channel=phone; contact=phone:+77010000001
missed |     | ended                    | 19:30:20 | disposition=no_answer
out    |     | offered                  | 19:40:00 | direction=outgoing; channel=waba; contact=phone:+77010000001
out    | a   | ended                    | 19:42:00 | started_at=19:40:00; talk_seconds=60; operator=PJSIP/101
out    |     | ended                    | 19:42:00 | disposition=completed; talk_seconds=60
out    |     | recording_made_available | 19:43:00 | recording_id=r; url=x
out    |     | transcribed              | 19:44:00 | recording_id=r; origin=whisperx; model=m; language=en; grade=words; duration_seconds=60; channels=2; turns={TURNS}; beeps={BEEPS}

message | fact     | at       | says
asks    | received | 19:30:00 | contact=telegram:1; channel=telegram; text=when?
says    | sent     | 19:31:00 | contact=telegram:1; channel=telegram; text=now
member  | received | 19:32:00 | contact=telegram:2; {GROUP}
to_all  | sent     | 19:33:00 | {GROUP}
waits   | received | 19:34:00 | contact=telegram:2; {GROUP}

deal | fact    | at       | says
d    | created | 19:30:00 | contact=phone:+77010000001
d    | won     | 19:45:00 |

permission | fact      | at       | says
p          | requested | 19:30:00 | contact=phone:+77010000001
p          | granted   | 19:35:00 | contact=phone:+77010000001

contact | fact       | at       | says
c       | identified | 19:30:00 | contact=phone:+77010000001,telegram:1

account | fact       | at       | says
main    | restricted | 19:30:00 | restriction=calling
"""  # noqa: E501
# A company without scorecards, of whose closed days no number has changed; and what company data name.
EMPTY = {"reports.scorecards", "reports.corrections"}
NAMED = {
    *("facts.call_charges", "reports.call_costs", "reports.request_costs"),
    *("facts.call_operators", "facts.told_operators", "facts.tracker_hits"),
}


def _days(companies: tuple[Company, ...]) -> dict[str, list[date]]:
    built = warehouse([event for table in FACTS.strip().split("\n\n") for event in drawn_events(table)], companies)
    return {
        view.relation: built.sql(f"select distinct day from {view.relation}")["day"].to_list()  # noqa: S608  # our own names
        for view in read_views()
        if view.layer != "checks" and "day" in {column.name for column in view.columns}
    }


def test_every_day_is_that_of_the_company_s_clock() -> None:
    days = _days((COMPANY,))

    assert {relation: [] if relation in EMPTY else [date(2026, 3, 3)] for relation in days} == days


def test_every_day_is_that_of_utc_where_nothing_is_known_of_the_company() -> None:
    days = _days(())

    assert {relation: [] if relation in EMPTY | NAMED else [date(2026, 3, 2)] for relation in days} == days


# Zones of countries that changed their clocks after this version of the engine was made.
CHANGED = {
    *("Africa/Casablanca", "Africa/El_Aaiun", "America/Havana", "Cuba"),
    *("America/Edmonton", "America/Inuvik", "America/Yellowknife", "Canada/Mountain"),
    *("America/Rainy_River", "America/Winnipeg", "Canada/Central", "America/Vancouver", "Canada/Pacific"),
}


def test_the_engine_takes_local_times_for_those_that_sources_do_but_where_clocks_changed_since_it_was_made() -> None:
    apart = first_apart(sorted(available_timezones()), at=datetime(2026, 11, 28, 12, tzinfo=UTC))

    assert (CHANGED, datetime(2026, 10, 3, 12, tzinfo=UTC)) == (apart.keys(), apart["Africa/Casablanca"])
