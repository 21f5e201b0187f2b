"""A recording becomes a stored fact and then text; a repetition gives the same ids and the same data."""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.calls import CallRecordingMadeAvailable, CallRecordingStored
from schemas.codec import decode, encode
from schemas.company import Account, Company
from schemas.envelope import Event, event
from schemas.errors import InvalidEvent, NotYet
from schemas.ids import call_id, fact_id, recording_id
from schemas.retention import Retention
from schemas.transcripts import Turn, Word
from streams.listening import Ears, read_recording, store_recording, transcribed
from streams.store import forget, forget_old, keep, open_store, path_of
from streams.transcribe import Transcript

CALL = call_id("twilio", "main", "CA1")
RECORDING = recording_id("twilio", "main", "RE1")
NOW, LATER = "2026-03-01T09:00:00.000Z", "2026-03-01T10:00:00.000Z"
NOTHING = Turn(channel=0, role="operator", start_seconds=0, end_seconds=9, words=(Word(text=""),) * 300)
LONG = (NOTHING,) * 300
OF_CALL: dict[str, Any] = {"call_id": CALL, "provider_call_id": "CA1", "recording_id": RECORDING}


def _event(data: msgspec.Struct) -> Event:
    return event(
        data,
        id=fact_id("twilio", "main", "fact", "RE1"),
        source="twilio",
        account="main",
        company="demo",
        time="2026-03-01T08:00:00.000Z",
        recordedat=NOW,
        key=CALL,
    )


def _available(**fields: Any) -> Event:
    shown = {"url": "http://127.0.0.1:1/x", "media_type": "audio/wav", **fields}
    return _event(CallRecordingMadeAvailable(**OF_CALL, **shown))


def _stored(**fields: Any) -> Event:
    return _event(CallRecordingStored(**OF_CALL, path="demo/x.wav", size_bytes=7, **fields))


def _ears(folder: Path) -> Ears:
    account = Account(id="main", source="twilio", recording_hosts=("127.0.0.1",))
    company = Company(id="demo", name="Demo", time_zone="Asia/Almaty", default_region="KZ", accounts=(account,))
    return Ears(companies={"demo": company}, fetch_secrets={}, store=open_store(folder.as_uri()))


def _transcript() -> Transcript:
    turn = Turn(channel=0, role="operator", start_seconds=0.5, end_seconds=1.5, text="Сәлеметсіз бе")
    return Transcript(
        model="demo model",
        is_demo_model=True,
        language="kk",
        grade="segments",
        duration_seconds=2.0,
        channels=2,
        turns=(turn,),
        engine="",
        model_load_seconds=0.0,
        transcribe_seconds=0.1,
    )


def test_a_recording_lies_by_company_day_and_its_own_id() -> None:
    assert path_of(_available()) == f"demo/2026/03/01/{RECORDING}.wav"
    assert path_of(_available(media_type="../../etc")) == f"demo/2026/03/01/{RECORDING}.audio"


def test_without_consent_nothing_is_fetched(tmp_path: Path) -> None:
    assert asyncio.run(store_recording(_available(consent="refused"), ears=_ears(tmp_path), now=NOW)) is None


def test_a_provider_that_is_away_is_tried_later(tmp_path: Path) -> None:
    with pytest.raises(NotYet):
        asyncio.run(store_recording(_available(), ears=_ears(tmp_path), now=NOW))


def test_a_recording_that_is_kept_already_needs_no_provider(tmp_path: Path) -> None:
    ears = _ears(tmp_path)
    asyncio.run(keep(ears.store, path_of(_available()), b"sound"))
    available = _available(channel_roles=("customer", "operator"))
    stored = asyncio.run(store_recording(available, ears=ears, now=NOW))

    assert stored is not None
    assert (stored.data.size_bytes, stored.data.media_type) == (5, "audio/wav")
    assert stored.data.channel_roles == ("customer", "operator")


def test_a_recording_that_is_kept_no_longer_is_deleted_and_never_fetched_again(tmp_path: Path) -> None:
    ears = _ears(tmp_path)
    company = msgspec.structs.replace(ears.companies["demo"], retention=Retention(recordings_days=10))
    ears = msgspec.structs.replace(ears, companies={"demo": company})
    last_day = "demo/2026/03/02/y.wav"
    for path in (path_of(_available()), last_day, "demo2/2026/03/01/z.wav"):
        asyncio.run(keep(ears.store, path, b"sound"))
    before, after = "2026-03-11T23:59:59.999Z", "2026-03-12T00:00:00.000Z"

    assert forget_old(ears.store, [company], now=before) == 0
    assert forget_old(ears.store, [company], now=after) == 1
    assert sorted(path.name for path in tmp_path.rglob("*.wav")) == ["y.wav", "z.wav"]
    with pytest.raises(NotYet):
        asyncio.run(store_recording(_available(), ears=ears, now=before))
    assert asyncio.run(store_recording(_available(), ears=ears, now=after)) is None


def test_no_recording_is_deleted_by_the_word_of_a_clock_alone(tmp_path: Path) -> None:
    ears = _ears(tmp_path)
    company = msgspec.structs.replace(ears.companies["demo"], retention=Retention(recordings_days=10))
    wrong = "2036-03-12T00:00:00.000Z"
    for day in ("2026/03/01", "2026/03/20", "2041/01/01"):
        asyncio.run(keep(ears.store, f"demo/{day}/x.wav", b"sound"))

    assert forget_old(ears.store, [company], now=wrong) == 0
    assert forget_old(ears.store, [company], now="2026-03-25T00:00:00.000Z") == 1
    assert forget_old(ears.store, [company], now="2026-04-01T00:00:00.000Z") == 1
    asyncio.run(keep(ears.store, "demo/2026/03/20/x.wav", b"sound"))
    assert forget_old(ears.store, [company], now=wrong, believes=True) == 1


def test_an_unknown_account_is_refused(tmp_path: Path) -> None:
    stranger = msgspec.structs.replace(_available(), account="other")

    with pytest.raises(InvalidEvent, match="no such company and account"):
        asyncio.run(store_recording(stranger, ears=_ears(tmp_path), now=NOW))


def test_a_transcript_made_twice_is_the_same_fact(tmp_path: Path) -> None:
    ears = _ears(tmp_path)
    stored = _stored(sha256="0" * 64)
    first = transcribed(stored, transcript=_transcript(), ears=ears, now=NOW)
    again = transcribed(stored, transcript=_transcript(), ears=ears, now=LATER)

    assert decode(encode(first)) == first
    assert first.data.is_demo_model
    assert (again.id, again.time, again.data) == (first.id, first.time, first.data)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"language": "Kazakh"}, "data.language: not of the form"), ({"turns": LONG}, "the event is larger than 4194304")],
)
def test_a_transcript_that_nobody_could_read_is_refused_where_it_is_made(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    heard = msgspec.structs.replace(_transcript(), **changes)

    with pytest.raises(InvalidEvent, match=reason):
        transcribed(_stored(sha256="0" * 64), transcript=heard, ears=_ears(tmp_path), now=NOW)


def test_a_kept_recording_that_changed_on_the_disk_is_refused(tmp_path: Path) -> None:
    ears = _ears(tmp_path)
    asyncio.run(keep(ears.store, "demo/x.wav", b"changed"))

    with pytest.raises(InvalidEvent, match="sha256 differs"):
        asyncio.run(read_recording(_stored(sha256="0" * 64), ears=ears))


@pytest.mark.parametrize("path", ["demo/../x.wav", "demo//x.wav", "demo/x\n.wav"])
def test_a_path_that_no_store_has_is_refused_and_needs_no_deleting(tmp_path: Path, path: str) -> None:
    ears = _ears(tmp_path)
    stored = _event(CallRecordingStored(**OF_CALL, path=path, size_bytes=7, sha256="0" * 64))

    with pytest.raises(InvalidEvent, match="no store has"):
        asyncio.run(read_recording(stored, ears=ears))
    assert forget(ears.store, path) is False


@pytest.mark.parametrize("name", ["../{}", "demo/../../{}", "{}"])
def test_no_name_of_a_draft_deletes_what_lies_outside_the_store(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "note#1"
    outside.write_text("not ours")
    (tmp_path / "store").mkdir()
    store = open_store((tmp_path / "store").as_uri())

    assert forget(store, name.format(outside if name == "{}" else outside.name)) is False
    assert outside.exists()


def test_what_killed_writers_left_is_deleted_without_listing_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = _ears(tmp_path)
    asyncio.run(keep(ears.store, "demo/x.wav", b"said"))
    drafts = [tmp_path / "demo" / f"x.wav#{number}" for number in (1, 2, 4)]
    for draft in drafts:
        draft.write_bytes(b"sa")

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", lambda _: pytest.fail("the folder is listed"))
        assert forget(ears.store, "demo/x.wav") is True
    assert not any(draft.exists() for draft in drafts)


def test_what_the_disk_does_not_delete_is_tried_later(tmp_path: Path) -> None:
    ears = _ears(tmp_path)
    (tmp_path / "demo" / "x.wav#1").mkdir(parents=True)

    with pytest.raises(NotYet, match="refused to delete"):
        forget(ears.store, "demo/x.wav")


def test_a_kept_recording_that_is_not_there_yet_is_tried_later(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="refused to read"):
        asyncio.run(read_recording(_stored(sha256="0" * 64), ears=_ears(tmp_path)))
