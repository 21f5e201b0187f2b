"""The outbox keeps what it was given, in order, through crashes, torn writes and a full disk."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.receiving import outbox as outbox_module
from pipelines.receiving.outbox import Outbox
from schemas.errors import Misconfigured, NotYet

ROOM = 64 * 1024 * 1024

KEEP_AND_WAIT = """
import sys, time
from pathlib import Path
from pipelines.receiving.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), max_bytes=1 << 26)
outbox.append([b"first", b"second"])
outbox.append([b"third"])
print("kept", flush=True)
time.sleep(60)
"""


def drain(outbox: Outbox, *, max_bytes: int = 1024) -> list[bytes]:
    """Take everything out, in order."""
    drained: list[bytes] = []
    while not outbox.is_empty:
        records = outbox.oldest(max_bytes=max_bytes)
        outbox.forget(records)
        drained += records
    return drained


def segments(folder: Path) -> list[Path]:
    """Give the files that hold records."""
    return sorted(folder.glob("*.segment"))


@contextlib.contextmanager
def files_of_at_most(size_bytes: int) -> Generator[None]:
    """Have the system write files up to a size and refuse the rest, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_records_come_out_in_the_order_they_were_put_in(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, max_bytes=ROOM)
    outbox.append([b"a", b"b"])
    outbox.append([b"c"])

    drained = drain(outbox)

    outbox.close()
    assert drained == [b"a", b"b", b"c"]
    assert segments(tmp_path) == []


def test_another_process_finds_what_was_kept(tmp_path: Path) -> None:
    first = Outbox(tmp_path, max_bytes=ROOM)
    first.append([b"a", b"b"])
    first.forget(first.oldest(max_bytes=1))
    first.close()

    second = Outbox(tmp_path, max_bytes=ROOM)
    second.append([b"c"])
    drained = drain(second)

    second.close()
    assert drained == [b"b", b"c"]


def test_what_was_kept_survives_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEP_AND_WAIT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "kept\n"
        process.send_signal(signal.SIGKILL)

    outbox = Outbox(tmp_path, max_bytes=ROOM)
    drained = drain(outbox)

    outbox.close()
    assert drained == [b"first", b"second", b"third"]


@pytest.mark.parametrize("torn", [1, 4, 7, 9, 12])
def test_a_torn_tail_is_cut_and_the_rest_is_kept(tmp_path: Path, torn: int) -> None:
    first = Outbox(tmp_path, max_bytes=ROOM)
    first.append([b"a" * 5, b"b" * 5])
    first.close()
    (segment,) = segments(tmp_path)
    os.truncate(segment, segment.stat().st_size - torn)

    second = Outbox(tmp_path, max_bytes=ROOM)
    second.append([b"c"])
    drained = drain(second)

    second.close()
    assert drained == [b"a" * 5, b"c"]


def test_damaged_bytes_are_set_aside_and_not_sent(tmp_path: Path) -> None:
    first = Outbox(tmp_path, max_bytes=ROOM)
    first.append([b"good", b"evil"])
    first.close()
    (segment,) = segments(tmp_path)
    segment.write_bytes(segment.read_bytes().replace(b"evil", b"EVIL"))

    second = Outbox(tmp_path, max_bytes=ROOM)
    drained = drain(second)

    second.close()
    assert drained == [b"good"]
    assert b"EVIL" in segment.with_suffix(".damaged").read_bytes()


@pytest.mark.parametrize("zeros", [8, 9, 4096])
def test_a_tail_that_a_power_cut_left_as_zeros_is_no_record(tmp_path: Path, zeros: int) -> None:
    first = Outbox(tmp_path, max_bytes=ROOM)
    first.append([b"kept"])
    first.close()
    [segment] = segments(tmp_path)
    with segment.open("ab") as file:
        file.write(bytes(zeros))

    second = Outbox(tmp_path, max_bytes=ROOM)
    drained = drain(second)

    second.close()
    assert [b"kept"] == drained
    assert bytes(zeros) == segment.with_suffix(".damaged").read_bytes()


def test_an_empty_record_is_refused(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path, max_bytes=ROOM)) as outbox:
        with pytest.raises(ValueError, match="empty record"):
            outbox.append([b"a", b""])

        assert outbox.is_empty


def test_a_full_outbox_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, max_bytes=100)
    outbox.append([b"x" * 80])

    with pytest.raises(NotYet, match="the outbox is full"):
        outbox.append([b"y" * 80])

    drained = drain(outbox)
    outbox.append([b"z" * 80])
    outbox.close()
    assert drained == [b"x" * 80]


def test_of_what_the_disk_refuses_nothing_is_kept_and_what_comes_next_is(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, max_bytes=ROOM)
    for is_first in (True, False):
        with files_of_at_most(60), pytest.raises(NotYet, match="cannot be written"):
            outbox.append([b"refused", b"x" * 100])
        assert outbox.is_empty == is_first
        outbox.append([b"kept"])
    outbox.close()

    with closing(Outbox(tmp_path, max_bytes=ROOM)) as again:
        assert drain(again) == [b"kept", b"kept"]


def test_a_second_receiver_is_told_to_look_elsewhere(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, max_bytes=ROOM)

    with pytest.raises(Misconfigured, match="held by another receiver"):
        Outbox(tmp_path, max_bytes=ROOM)

    outbox.close()


def test_a_lost_note_of_what_was_drained_doubles_records_and_loses_none(tmp_path: Path) -> None:
    first = Outbox(tmp_path, max_bytes=ROOM)
    first.append([b"a", b"b"])
    first.forget(first.oldest(max_bytes=1))
    first.close()
    (tmp_path / "drained").unlink()

    second = Outbox(tmp_path, max_bytes=ROOM)
    drained = drain(second)

    second.close()
    assert drained == [b"a", b"b"]


def test_a_full_disk_that_takes_no_note_of_what_was_drained_holds_nothing_up(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path, max_bytes=ROOM)) as first:
        first.append([b"a", b"b", b"c"])
        first.forget(first.oldest(max_bytes=1))
        with files_of_at_most(0):
            first.forget(first.oldest(max_bytes=1))
        assert first.oldest(max_bytes=1) == [b"c"]

    with closing(Outbox(tmp_path, max_bytes=ROOM)) as second:
        assert drain(second) == [b"b", b"c"]


def test_a_note_of_what_was_drained_that_outlived_its_records_skips_none_of_later_ones(tmp_path: Path) -> None:
    note = tmp_path / "drained"
    with closing(Outbox(tmp_path, max_bytes=ROOM)) as first:
        first.append([b"a", b"b"])
        first.forget(first.oldest(max_bytes=1))
        left = note.read_bytes()
        drain(first)
    note.write_bytes(left)  # as it is where the receiver is killed between one and the other
    with closing(Outbox(tmp_path, max_bytes=ROOM)) as second:
        second.append([b"c", b"d"])

    with closing(Outbox(tmp_path, max_bytes=ROOM)) as third:
        assert drain(third) == [b"c", b"d"]


def test_many_segments_are_drained_in_order(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, max_bytes=ROOM)
    records = [bytes([number]) * (outbox_module.SEGMENT_BYTES // 2 + 1) for number in range(5)]
    for record in records:
        outbox.append([record])
    files = len(segments(tmp_path))

    drained = drain(outbox)

    outbox.close()
    assert files == 3
    assert drained == records


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.just(None)), max_size=30), st.integers(1, 200))
def test_whatever_is_put_in_between_comes_out_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | None], max_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("outbox")
    outbox = Outbox(folder, max_bytes=ROOM)
    kept: list[bytes] = []
    drained: list[bytes] = []
    for record in steps:
        if record is None:
            outbox.close()
            outbox = Outbox(folder, max_bytes=ROOM)
            records = outbox.oldest(max_bytes=max_bytes)
            if records:
                outbox.forget(records)
            drained += records
        else:
            outbox.append([record])
            kept.append(record)
    drained += drain(outbox, max_bytes=max_bytes)
    outbox.close()
    assert drained == kept
