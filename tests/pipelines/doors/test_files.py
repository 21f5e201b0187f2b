"""A file that grows is followed to its last whole line, through rotation, cutting, crashes and an absent Kafka."""

import itertools
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.doors import files as door
from pipelines.doors.files import FollowedFile
from pipelines.doors.folders import FollowedFolder
from pipelines.positions import Positions
from schemas.errors import Misconfigured, NotYet
from tests.pipelines.doors.world import NOW, World

MOMENTS = itertools.count(1_772_445_600_000_000_000, 1_000_000)
HEADER = b"src,dst,disposition,duration,billsec\n"


def settle(file: FollowedFile, world: World) -> None:
    """Take readings until there is nothing more at once."""
    for _ in range(100):
        if not file.step(world.stop):
            return


def append(path: Path, content: bytes) -> None:
    """Write at the end, each time a moment later than before: clocks of file systems are coarse."""
    with path.open("ab") as file:
        file.write(content)
    moment = next(MOMENTS)
    os.utime(path, ns=(moment, moment))


def test_each_line_is_a_body_of_its_own_as_soon_as_it_is_whole(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    file = world.follow(path)
    settle(file, world)
    append(path, b"one\ntwo\nthr")
    settle(file, world)
    before = list(world.bodies)
    append(path, b"ee\n")
    settle(file, world)

    assert before == [b"one\n", b"two\n"]
    assert world.bodies == [b"one\n", b"two\n", b"three\n"]


def test_a_header_stands_over_every_line_also_after_a_restart(world: World, tmp_path: Path) -> None:
    path = tmp_path / "custom.csv"
    append(path, HEADER + b"1,2,BUSY,1,0\n")
    settle(world.follow(path), world)
    append(path, b"3,4,BUSY,1,0\n")
    settle(world.follow(path), world)

    assert world.bodies == [HEADER + b"1,2,BUSY,1,0\n", HEADER + b"3,4,BUSY,1,0\n"]


def test_a_restart_goes_on_where_kafka_had_everything(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    settle(world.follow(path), world)
    append(path, b"two\n")
    settle(world.follow(path), world)

    assert world.bodies == [b"one\n", b"two\n"]


def test_a_file_moved_away_is_read_to_its_end_before_the_new_one(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    file = world.follow(path)
    settle(file, world)
    append(path, b"two\nlast without an end")
    path.rename(tmp_path / "Master.csv.1")
    append(path, b"three\n")
    settle(file, world)

    assert world.bodies == [b"one\n", b"two\n", b"last without an end", b"three\n"]


def test_a_file_moved_away_while_nobody_followed_is_found_beside(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    settle(world.follow(path), world)
    append(path, b"two\n")
    path.rename(tmp_path / "Master.csv.1")
    append(path, b"three\n")
    settle(world.follow(path), world)

    assert world.bodies == [b"one\n", b"two\n", b"three\n"]


def test_files_moved_away_one_after_the_other_are_all_read(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    settle(world.follow(path), world)
    for number, line in enumerate((b"two\n", b"three\n", b"four\n")):
        append(path, line)
        path.rename(tmp_path / f"Master.csv.{number}")
    (tmp_path / "Master.csv.old.gz").write_bytes(b"packed\n")
    append(path, b"five\n")
    settle(world.follow(path), world)

    assert b"".join(world.bodies) == b"one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize("is_running", [True, False])
def test_what_was_copied_before_a_file_was_cut_is_read_from_the_copy(
    world: World, tmp_path: Path, is_running: bool
) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    file = world.follow(path)
    settle(file, world)
    append(path, b"two\n")
    shutil.copy2(path, tmp_path / "Master.csv.1")
    os.truncate(path, 0)
    append(path, b"three\n")
    settle(file if is_running else world.follow(path), world)

    assert world.bodies == [b"one\n", b"two\n", b"three\n"]


def test_a_file_moved_away_is_left_only_when_nobody_writes_there_any_more(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    file = FollowedFile(world.ground(), path, grace_seconds=5)
    settle(file, world)
    with path.open("ab") as held:
        path.rename(tmp_path / "Master.csv.1")
        append(path, b"three\n")
        os.utime(tmp_path / "Master.csv.1", (NOW.timestamp(), NOW.timestamp()))
        settle(file, world)
        held.write(b"two\n")
        held.flush()
        os.utime(tmp_path / "Master.csv.1", (NOW.timestamp(), NOW.timestamp()))
        settle(file, world)
    before = list(world.bodies)
    os.utime(tmp_path / "Master.csv.1", (NOW.timestamp() - 6, NOW.timestamp() - 6))
    settle(file, world)
    file.close()

    assert before == [b"one\n", b"two\n"]
    assert world.bodies == [b"one\n", b"two\n", b"three\n"]


@pytest.mark.parametrize("after", [b"new\n", b"new and longer than what stood there before\nmore\n"])
def test_a_file_that_was_cut_is_read_from_its_beginning(world: World, tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\ntwo\n")
    file = world.follow(path)
    settle(file, world)
    os.truncate(path, 0)
    append(path, after)
    settle(file, world)

    assert world.bodies == [b"one\n", b"two\n", *after.splitlines(keepends=True)]


def test_a_file_cut_while_nobody_followed_is_read_from_its_beginning(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\ntwo\n")
    settle(world.follow(path), world)
    os.truncate(path, 0)
    append(path, b"another file altogether\n")
    settle(world.follow(path), world)

    assert world.bodies[2:] == [b"another file altogether\n"]


def test_while_kafka_is_away_the_position_stays(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"one\n")
    world.kafka.is_away = True
    file = world.follow(path)
    working = threading.Thread(target=file.run, args=(world.stop,))
    working.start()
    world.stop.set()
    working.join(20)
    world.kafka.is_away = False
    world.stop.clear()
    settle(world.follow(path), world)

    assert world.bodies == [b"one\n"]


def test_a_line_without_an_end_does_not_fill_the_memory(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    append(path, b"x" * (door.MAX_LINE_BYTES + 5) + b"\nnext\n")
    settle(world.follow(path), world)

    assert [len(body) for body in world.bodies] == [door.MAX_LINE_BYTES, 6, 5]


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.text("ab\n", min_size=1, max_size=8)),
            st.tuples(st.sampled_from(["step", "restart", "rotate"]), st.just("")),
        ),
        max_size=14,
    )
)
def test_whatever_happens_each_line_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("followed")
    world, path, written, rotated = World(folder), folder / "Master.csv", b"begin\n", 0
    append(path, written)
    file = world.follow(path)
    settle(file, world)
    for number, (step, content) in enumerate(steps):
        if step == "write":
            line = content.replace("\n", f"-{number}\n").encode()
            append(path, line)
            written += line
        elif step == "rotate" and path.exists() and path.stat().st_size:
            if not written.endswith(b"\n"):
                append(path, b"\n")
                written += b"\n"
            rotated += 1
            path.rename(folder / f"Master.csv.{rotated}")
        elif step == "restart":
            file = world.follow(path)
        if step == "step":
            settle(file, world)
    append(path, b"end\n")
    settle(file, world)
    settle(world.follow(path), world)

    expected = [line for line in (written + b"end\n").splitlines(keepends=True) if line.strip()]
    world.close()
    assert world.bodies == expected


def test_each_file_of_a_folder_is_a_body_once_it_is_whole(world: World, tmp_path: Path) -> None:
    calls = tmp_path / "json_cdr"
    folder = FollowedFolder(world.ground(), calls)
    assert folder.step(world.stop) is False
    calls.mkdir()
    (calls / "a.cdr.json").write_bytes(b'{"a": 1}')
    (calls / "b.cdr.json").write_bytes(b'{"b": ')
    (calls / "notes.txt").write_bytes(b"no call")
    at = world.ground().now().timestamp()
    for name in ("a.cdr.json", "b.cdr.json"):
        os.utime(calls / name, (at, at))
    while folder.step(world.stop):
        pass
    before = list(world.bodies)
    (calls / "b.cdr.json").write_bytes(b'{"b": 2}')
    os.utime(calls / "b.cdr.json", (at - 1, at - 1))
    again = FollowedFolder(world.ground(), calls)
    while again.step(world.stop):
        pass

    assert before == [b'{"a": 1}']
    assert world.bodies == [b'{"a": 1}', b'{"b": 2}']


def test_a_file_that_stays_broken_is_sent_as_it_is_so_that_somebody_sees_it(world: World, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    broken = tmp_path / "calls" / "a.json"
    broken.write_bytes(b'{"a": ')
    at = world.ground().now().timestamp() - 61
    os.utime(broken, (at, at))
    FollowedFolder(world.ground(), tmp_path / "calls").step(world.stop)

    assert world.bodies == [b'{"a": ']


def test_a_file_from_the_future_and_a_link_to_nowhere_hide_no_other_file(world: World, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    at = world.ground().now().timestamp()
    (calls / "gone.json").symlink_to(tmp_path / "nowhere")
    for name, seconds in (("tomorrow", 86_400), ("today", 0)):
        (calls / f"{name}.json").write_bytes(f'"{name}"'.encode())
        os.utime(calls / f"{name}.json", (at + seconds, at + seconds))
        FollowedFolder(world.ground(), calls).step(world.stop)

    assert world.bodies == [b'"tomorrow"', b'"today"']


def test_after_a_clock_that_was_ahead_no_file_of_a_folder_is_passed_over(world: World, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    ahead = msgspec.structs.replace(world.ground(), now=lambda: NOW + timedelta(hours=5))
    for name, ground in (("early", ahead), ("late", world.ground()), ("later", world.ground())):
        (calls / f"{name}.json").write_bytes(f'"{name}"'.encode())
        at = ground.now().timestamp()
        os.utime(calls / f"{name}.json", (at, at))
        while FollowedFolder(ground, calls).step(world.stop):
            pass

    assert world.bodies == [b'"early"', b'"late"', b'"later"']


def test_a_file_that_was_written_in_the_future_and_moved_away_is_left(world: World, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    file = FollowedFile(world.ground(), path, grace_seconds=5)
    append(path, b"one\n")
    settle(file, world)
    path.rename(tmp_path / "Master.csv.1")
    ahead = NOW.timestamp() + 18_000
    os.utime(tmp_path / "Master.csv.1", (ahead, ahead))
    append(path, b"two\n")
    settle(file, world)
    file.close()

    assert world.bodies == [b"one\n", b"two\n"]


def test_what_is_remembered_of_a_folder_holds_no_name_of_a_file(world: World, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    (calls / "a_77015550550.json").write_bytes(b"{}")
    at = world.ground().now().timestamp()
    os.utime(calls / "a_77015550550.json", (at, at))
    for _ in range(2):
        FollowedFolder(world.ground(), calls).step(world.stop)

    assert world.bodies == [b"{}"]
    [kept] = (world.folder / "doors").iterdir()
    assert "77015550550" not in kept.read_text() + kept.name


def test_a_full_disk_closes_a_door_for_a_while_and_ends_nothing(tmp_path: Path) -> None:
    positions = Positions(Path("/dev/full"))
    with pytest.raises(Misconfigured):
        positions.save("pbx", {})
    (tmp_path / "doors").mkdir()
    (tmp_path / "doors" / "pbx.json.draft").symlink_to("/dev/full")
    with pytest.raises(NotYet, match="No space left"):
        Positions(tmp_path / "doors").save("pbx", {})
