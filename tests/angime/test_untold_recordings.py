"""Files of the store of which no event tells: found, shown and deleted; those of erased persons whatever their age."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from analytics.warehouse import Batch, open_writer
from angime import erasing, forgetting
from angime.recordings import DRAFT_DAYS, STRAY_DAYS, forget_recordings, strays
from schemas.company import Account, Company
from schemas.errors import NotYet
from schemas.ids import identify
from schemas.instants import instant, moment
from streams.listening import Ears, store_recording
from streams.store import open_store, path_of
from tests.analytics.landing_cases import records_of, settings_at
from tests.angime.front_door import angime
from tests.angime.test_erased_recordings import (
    ERASED_AT,
    KNOWN,
    NOW,
    OTHER,
    OTHERS,
    PHONE,
    SAID,
    UNKNOWN,
    call_of,
    keep_sound,
    land,
    sounds,
)
from tests.pipelines.doors.http_server import http_server
from tests.torture.bucket import Bucket

COMPANY = 'id = "acme"\nname = "Acme"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
TODAY = moment(NOW) + timedelta(days=STRAY_DAYS + 9)
LONG_AGO, LATELY = TODAY - timedelta(days=STRAY_DAYS, hours=1), TODAY - timedelta(days=STRAY_DAYS - 1)
BEFORE_THE_LOG = moment(NOW) - timedelta(hours=1)
DRAFTED = TODAY - timedelta(days=DRAFT_DAYS, hours=1)
TOLD, MADE_AVAILABLE, OF_HIM = (
    path_of(call_of(number, phone=phone)[-3]) for number, phone in ((OTHERS, OTHER), (UNKNOWN, OTHER), (KNOWN, PHONE))
)
DAY = TOLD.rpartition("/")[0]
NOBODY_S = [f"{DAY}/{identify('stray', str(number))}.wav" for number in range(3)]
LYING = {
    TOLD: LONG_AGO,
    MADE_AVAILABLE: LONG_AGO,
    OF_HIM: TODAY,
    NOBODY_S[0]: LONG_AGO,
    NOBODY_S[1]: LATELY,
    NOBODY_S[2]: BEFORE_THE_LOG,
    f"{DAY}/notes.txt": LONG_AGO,
}
DRAFTS = {f"{TOLD}#1": DRAFTED, f"{MADE_AVAILABLE}#1": TODAY}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home that knows a recording and one that was made available, and of whom another one was erased."""
    made: Path = tmp_path_factory.mktemp("known")
    (made / "company.toml").write_text(COMPANY)
    facts = [*call_of(KNOWN), *call_of(OTHERS, phone=OTHER), *call_of(UNKNOWN, phone=OTHER)[:-2]]
    with open_writer(settings_at(made)) as writer:
        writer.land(Batch(records_of(facts)), now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANGIME_HOME", str(made))
        erasing.erase([f"phone:{PHONE}"], now=moment(ERASED_AT), say=lambda _: None)
    return made


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with Bucket() as made:
        for name, value in made.settings.items():
            monkeypatch.setenv(name, value)
        yield made


def lay(home: Path, lying: dict[str, datetime]) -> None:
    """Lay files into the folder of recordings, written at these times."""
    for path, written_at in lying.items():
        file = home / "recordings" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(SAID)
        os.utime(file, (written_at.timestamp(), written_at.timestamp()))


def lying_in(home: Path) -> set[str]:
    """Give the paths of all files in the folder of recordings."""
    return {file.relative_to(home / "recordings").as_posix() for file in sounds(home)}


def test_a_file_of_which_no_event_tells_is_a_stray_when_none_can_come_any_longer(home: Path) -> None:
    lay(home, LYING | DRAFTS)

    assert sorted(strays(now=TODAY)) == sorted([OF_HIM, NOBODY_S[0], f"{TOLD}#1"])


@pytest.mark.usefixtures("home")
def test_they_are_found_and_deleted_in_a_bucket_too(bucket: Bucket) -> None:
    for path, written_at in LYING.items():
        bucket.kept[f"/recordings/{path}"] = SAID
        bucket.written_at[f"/recordings/{path}"] = instant(written_at)

    assert strays(now=TODAY, in_buckets=False) == []
    assert forget_recordings(strays(now=TODAY)) == 2
    left = {f"/recordings/{path}" for path in LYING} - {f"/recordings/{path}" for path in (OF_HIM, NOBODY_S[0])}
    assert set(bucket.kept) == left


def test_forgetting_counts_them_and_deletes_them_when_it_is_told_to(home: Path) -> None:
    lay(home, LYING | DRAFTS)

    [due] = forgetting.look(now=TODAY)
    assert (due.company, due.kind, due.days, due.waiting) == ("acme", "untold_recordings", STRAY_DAYS, 3)
    assert lying_in(home) == {*LYING, *DRAFTS}
    assert forgetting.forget(now=TODAY, say=lambda _: None).recordings == 3
    assert lying_in(home) == {*LYING, *DRAFTS} - {OF_HIM, NOBODY_S[0], f"{TOLD}#1"}
    assert forgetting.look(now=TODAY) == []


def test_the_doctor_and_the_verb_say_that_they_lie_there(home: Path) -> None:
    lay(home, {OF_HIM: TODAY})

    rows = json.loads(angime("forget", "--dry-run", "--json", home=home).out)
    assert [(row["kind"], row["waiting"]) for row in rows] == [("untold_recordings", 1)]
    assert "untold_recordings of acme" in angime("doctor", home=home).out
    assert json.loads(angime("status", "--json", home=home).out)["to_be_forgotten"] == {"untold_recordings": 1}


def test_an_erasure_deletes_a_recording_of_which_the_worker_did_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    told = call_of(KNOWN)[:-2]
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(told)), now=NOW)
    keep_sound(tmp_path, call_of(KNOWN))

    assert erasing.erase([f"phone:{PHONE}"], now=moment(ERASED_AT), say=lambda _: None).recordings == 1
    assert sounds(tmp_path) == []


def test_the_lander_looks_again_for_what_a_worker_wrote_that_was_killed_before_it_told(home: Path) -> None:
    lay(home, {TOLD: TODAY, OF_HIM: TODAY})
    hour = timedelta(hours=1)
    with open_writer(settings_at(home), forget_recordings=forget_recordings) as writer:
        writer.maintain(instant(moment(ERASED_AT) + hour))
        at_the_start = lying_in(home)
        lay(home, {OF_HIM: TODAY})
        writer.maintain(instant(moment(ERASED_AT) + 1.5 * hour))
        within_the_hour = lying_in(home)
        writer.maintain(instant(moment(ERASED_AT) + 2 * hour))

    assert (at_the_start, within_the_hour, lying_in(home)) == ({TOLD}, {TOLD, OF_HIM}, {TOLD})


def test_a_store_that_is_away_keeps_no_lander_from_its_maintenance(home: Path) -> None:
    def is_away(_: object) -> None:
        raise NotYet("the store is away")

    with open_writer(settings_at(home), forget_recordings=is_away) as writer:
        writer.maintain(ERASED_AT)


def test_what_a_recording_s_dropped_fact_would_be_kept_as_is_deleted(home: Path) -> None:
    facts = call_of(UNKNOWN + 1)[:-2]
    keep_sound(home, call_of(UNKNOWN + 1))

    assert land(home, facts).erased == len(facts)
    assert sounds(home) == []


def test_a_worker_that_was_at_work_while_the_person_was_erased_keeps_nothing(home: Path) -> None:
    shutil.rmtree(home / "recordings", ignore_errors=True)
    asked: list[bool] = []

    def is_erased(_: object) -> bool:
        asked.append(True)
        return len(asked) > 1

    with http_server(lambda _: (200, SAID)) as address:
        fact = call_of(KNOWN)[-3]
        available = msgspec.structs.replace(fact, data=msgspec.structs.replace(fact.data, url=f"{address}/x"))
        account = Account(id=fact.account, source=fact.source, recording_hosts=(urlsplit(address).netloc,))
        company = Company(id="acme", name="Acme", time_zone="Asia/Almaty", default_region="KZ", accounts=(account,))
        store = open_store((home / "recordings").as_uri())
        ears = Ears(companies={"acme": company}, fetch_secrets={}, store=store, is_erased=is_erased)
        assert asyncio.run(store_recording(available, ears=ears, now=ERASED_AT)) is None
    assert (len(asked), sounds(home)) == (2, [])
