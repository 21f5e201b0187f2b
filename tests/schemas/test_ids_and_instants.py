"""Ids are the same everywhere and never collide by joining; instants have one form."""

import importlib
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.errors import InvalidEvent
from schemas.ids import ID_PATTERN, NAMESPACE, fact_id, identify
from schemas.instants import EARLIEST, LATEST, from_epoch, from_rfc3339, instant, moment


def test_the_id_of_a_fact_never_changes() -> None:
    assert fact_id("twilio", "main", "call.ended", "CA1") == "83cd61c5-8e04-5774-9c69-f9bf76e9240e"


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4), st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_two_lists_of_parts_share_an_id_only_when_they_are_the_same(one: list[str], other: list[str]) -> None:
    assert (identify(*one) == identify(*other)) == (one == other)
    assert ID_PATTERN.match(identify(*one))
    assert identify(*one) == str(uuid5(NAMESPACE, "".join(f"{len(part)}:{part}" for part in one)))


def test_an_instant_is_utc_with_milliseconds() -> None:
    almaty = timezone(timedelta(hours=5))

    assert instant(datetime(2026, 3, 1, 13, 30, 5, 999_999, tzinfo=almaty)) == "2026-03-01T08:30:05.999Z"
    assert from_rfc3339("2026-03-01T13:30:05+05:00") == "2026-03-01T08:30:05.000Z"
    assert from_epoch(1_772_353_805.25) == "2026-03-01T08:30:05.250Z"


def test_times_outside_1970_to_9998_or_without_zone_are_refused() -> None:
    too_late = ("9999-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00")
    for wrong in ("1969-12-31T23:59:59Z", "2026-03-01T08:30:05", "yesterday", *too_late):
        with pytest.raises(InvalidEvent):
            from_rfc3339(wrong)
    for epoch in (-1, LATEST.timestamp() + 1, 1e18, float("inf"), float("nan")):
        with pytest.raises(InvalidEvent):
            from_epoch(epoch)


def test_zones_are_those_that_are_pinned_and_not_those_of_the_machine(tmp_path: Path) -> None:
    old = tmp_path / "Asia" / "Almaty"
    old.parent.mkdir()
    old.write_bytes((Path(str(files("tzdata.zoneinfo"))) / "Asia" / "Omsk").read_bytes())
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    importlib.reload(schemas)

    noon = datetime(2026, 3, 2, 12, tzinfo=zoneinfo.ZoneInfo.no_cache("Asia/Almaty"))
    assert instant(noon) == "2026-03-02T07:00:00.000Z"


@pytest.mark.parametrize("hours", [-12, 14])
def test_every_instant_has_a_local_day_wherever_it_is_asked_for(hours: int) -> None:
    there = timezone(timedelta(hours=hours))
    days = [end.astimezone(there).date().isoformat() for end in (EARLIEST, LATEST)]

    assert days == (["1969-12-31", "9998-12-31"] if hours < 0 else ["1970-01-01", "9999-01-01"])


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 12, 30)))  # noqa: DTZ001
def test_instants_sort_as_time_does_and_read_back(naive: datetime) -> None:
    aware = naive.replace(tzinfo=UTC)

    assert moment(instant(aware)) == aware.replace(microsecond=aware.microsecond // 1000 * 1000)
