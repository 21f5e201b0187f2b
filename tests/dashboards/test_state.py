"""The URL says what a page shows: it is read back as it was written, and nonsense in it does no harm."""

from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.questions import Period
from dashboards.state import State, period, read, write
from schemas.dated import WeekStart

ALMATY = ZoneInfo("Asia/Almaty")
# Monday, 9:00 in Almaty
MONDAY = datetime(2026, 3, 16, 4, 0, 30, tzinfo=UTC)


def test_a_link_restores_every_choice() -> None:
    state = State(
        language="kk",
        company="nomad",
        preset="custom",
        first=date(2026, 3, 1),
        last=date(2026, 3, 9),
        is_compared=False,
        team="south",
        channel="waba",
        direction="incoming",
        hours="closed",
        metric="service_level",
        behind="answer_rate",
        outcomes=("missed", "abandoned"),
        at_hours=(12, 13),
        weekday=5,
        operator="op1",
        search="+7 701, Анна & co",
        with_left_out=True,
        order="talk_seconds",
        is_ascending=True,
        page=4,
        call="call-1",
        back="missed",
    )
    assert state == read(write(state))


def test_defaults_leave_the_url_short() -> None:
    assert {} == write(State())


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("period", "from", "to", "hour", "weekday", "page", "sort", "metric", "behind", "lang", "open"),
                *("outcome", "back"),
            ]
        ),
        st.text(max_size=20),
    )
)
def test_nonsense_in_a_url_never_breaks_a_page(params: dict[str, str]) -> None:
    state = read(params)
    assert state == read(write(state)) or state.preset != "custom"
    assert period(state, now=MONDAY, zone=ALMATY).days >= 1


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(), (date(2026, 3, 9), date(2026, 3, 15))),
        (State(preset="today"), (date(2026, 3, 16), date(2026, 3, 16))),
        (State(preset="yesterday"), (date(2026, 3, 15), date(2026, 3, 15))),
        (State(preset="week"), (date(2026, 3, 16), date(2026, 3, 16))),
        (State(preset="last_week"), (date(2026, 3, 9), date(2026, 3, 15))),
        (State(preset="last28"), (date(2026, 2, 16), date(2026, 3, 15))),
        (State(preset="month"), (date(2026, 3, 1), date(2026, 3, 16))),
        (State(preset="all"), (date(1970, 1, 1), date(2026, 3, 16))),
        (State(preset="custom", first=date(2026, 1, 1), last=date(2026, 1, 31)), (date(2026, 1, 1), date(2026, 1, 31))),
        (State(preset="custom", first=date(2030, 1, 1)), (date(2026, 3, 16), date(2026, 3, 16))),
    ],
)
def test_a_preset_means_days_of_the_company(state: State, expected: tuple[date, date]) -> None:
    asked = period(state, now=MONDAY, zone=ALMATY)
    assert expected == (asked.first, asked.last)


def test_last_week_is_whole_from_monday_to_sunday_on_any_day() -> None:
    weeks = {period(State(preset="last_week"), now=MONDAY + timedelta(days=day), zone=ALMATY) for day in range(7)}
    assert {Period(date(2026, 3, 9), date(2026, 3, 15))} == weeks


@given(days=st.integers(0, 400), week_starts=st.sampled_from(get_args(WeekStart)))
def test_weeks_follow_each_other_from_the_day_on_which_the_company_begins_them(days: int, week_starts: str) -> None:
    now = MONDAY + timedelta(days=days)
    this = period(State(preset="week"), now=now, zone=ALMATY, week_starts=week_starts)
    last = period(State(preset="last_week"), now=now, zone=ALMATY, week_starts=week_starts)
    whole = period(State(preset="last_week"), now=now + timedelta(days=7), zone=ALMATY, week_starts=week_starts)
    begins = {"mon": 0, "sat": 5, "sun": 6}[week_starts]
    assert {begins} == {this.first.weekday(), last.first.weekday()}
    assert (7, this.first) == (last.days, last.last + timedelta(days=1))
    assert this.last == now.astimezone(ALMATY).date() <= whole.last
    assert this.first == whole.first


def test_on_monday_the_default_compares_last_week_with_the_week_before() -> None:
    assert Period(date(2026, 3, 2), date(2026, 3, 8)) == period(State(), now=MONDAY, zone=ALMATY).before()


def test_a_period_with_today_in_it_is_cut_at_this_minute() -> None:
    expected = datetime(2026, 3, 16, 9, 0, tzinfo=ALMATY)
    assert expected == period(State(preset="today"), now=MONDAY, zone=ALMATY).until
