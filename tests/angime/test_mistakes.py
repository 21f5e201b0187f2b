"""Mistakes: whoever makes one is told in one line what is wrong and how to mend it, and nothing is made meanwhile."""

import ctypes
import logging
import os
import resource
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from analytics.engine.sessions import EngineError, NoMemory, open_in_memory
from analytics.warehouse import Batch, open_writer
from angime.__main__ import memory_lacking
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at
from tests.angime.front_door import Said, typed

COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[teams]]
id = "sales"
name = "Sales"

[[operators]]
id = "aigul"
name = "Aigul"
team = "sales"
endpoints = ["PJSIP/101"]
"""
TOKENS = """
[[tokens]]
name = "bi"
company = "acme"
scopes = ["calls"]
secret = "env:BI_TOKEN"
"""
NO_KAFKA = "127.0.0.1:1"
# Linux, linux/prctl.h and linux/capability.h: what lets root pass by the rights of files.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with one call."""
    made: Path = tmp_path_factory.mktemp("home")
    (made / "company.toml").write_text(COMPANY)
    with open_writer(settings_at(made)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
    return made


@pytest.fixture
def taken() -> Iterator[str]:
    """Give a port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield str(other.getsockname()[1])


def test_a_replay_of_which_nothing_is_said_replays_nothing(home: Path) -> None:
    said = typed("replay", home=home, ANGIME_KAFKA=NO_KAFKA)

    assert (said.code, "--from" in said.out, said.err) == (2, True, "")


def test_where_no_warehouse_is_it_is_said_where_it_was_looked_for_and_none_is_made(tmp_path: Path) -> None:
    asked = (
        *("sql 'select 1'", "rebuild", "rebuild --verify", "compare live live", f"snapshot {tmp_path / 'new'}"),
        *("search word", "call CA1", "explain answer_rate --period 2026-03", f"digest --out {tmp_path / 'digest'}"),
        *("dead list", "replay --stage land --origin log", "replay --into trial", "forget --dry-run", "forget --yes"),
        *("erase --identity phone:+77010000001", "erase --identity phone:+77010000001 --yes"),
    )
    said = {
        written: typed(*shlex.split(written), home=tmp_path / "elsewhere", ANGIME_KAFKA=NO_KAFKA) for written in asked
    }

    told = {written: (one.code, one.out, len(one.err.splitlines())) for written, one in said.items()}
    assert dict.fromkeys(asked, (2, "", 1)) == told
    assert [one.err for one in said.values() if f"{tmp_path / 'elsewhere'}/warehouse/" not in one.err] == []
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("written", ["status", "demo --once", "sql 'select 1'", "up"])
def test_a_home_that_is_a_file_is_named(written: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = typed(*shlex.split(written), home=tmp_path / "file")

    assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert f"ANGIME_HOME is {tmp_path / 'file'}, which is no folder" in said.err


@pytest.mark.parametrize("written", ["land", "demo --once"])
def test_a_home_that_cannot_be_made_is_named(written: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = typed(*shlex.split(written), home=tmp_path / "file" / "home", ANGIME_KAFKA=NO_KAFKA)

    assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert "cannot be used (Not a directory)" in said.err
    assert "ANGIME_HOME" in said.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere root has no right that it can give up")
def test_whoever_lacks_rights_is_told_so_and_not_that_the_catalog_is_broken(home: Path, tmp_path: Path) -> None:
    shown, closed = tmp_path / "shown", tmp_path / "closed"
    shutil.copytree(home, shown)
    closed.mkdir(mode=0)
    for path in (*shown.glob("warehouse/*"), shown / "warehouse"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    asked, landed, elsewhere = (
        _without_rights(written, home=of)
        for written, of in (("sql 'select 1'", shown), ("land", shown), ("sql 'select 1'", closed))
    )

    assert [2, 2, 2] == [asked.code, landed.code, elsewhere.code]
    assert "warehouse is not this user's to write" in asked.err
    assert "move it away" not in asked.err
    assert "cannot be used (Permission denied): give this user the right" in landed.err
    assert "cannot be used (Permission denied): give this user the right" in elsewhere.err


def test_a_folder_that_stands_where_the_lock_would_be_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "warehouse" / "writer.lock"
    lock.mkdir(parents=True)
    said = typed("land", home=tmp_path, ANGIME_KAFKA=NO_KAFKA)

    told = f"angime: {lock} cannot be used (Is a directory): move this folder away\n"
    assert (said.code, said.err) == (2, told)


def test_of_what_the_kafka_client_warns_stands_in_logs_of_stages_and_not_beside_the_line_of_a_verb(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    client = logging.getLogger("kafka.net.manager")
    heard: dict[str, bool] = {}
    for verb in ("tail calls", "land"):
        said = typed(*verb.split(), home=tmp_path / "file" / "home", ANGIME_KAFKA=NO_KAFKA)
        heard[verb] = client.isEnabledFor(logging.ERROR)

        assert said.code
    assert heard == {"tail calls": False, "land": True}


def test_a_full_disk_is_said_to_be_full_and_not_that_the_catalog_is_broken(home: Path) -> None:
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, bounds[1]))
    try:
        said = [typed(*shlex.split(written), home=home) for written in ("sql 'select 1'", "rebuild")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)

    assert [(one.code, one.err) for one in said] == [
        (
            1,
            f"angime: the disk of {home / 'warehouse'} has no room (File too large), which the warehouse wants also to "
            "be read: free some of it; nothing is lost\n",
        )
    ] * 2
    assert typed("sql", "select 1", home=home).code == 0


def test_memory_that_does_not_suffice_is_said_to_be_what_lacks(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.truncate(2**40)
    bounds = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**39, bounds[1]))
    try:
        said = typed("erase", "--file", str(endless), home=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, bounds)

    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
    assert "the machine gives this process no more memory" in said.err


def test_memory_that_the_engine_lacks_names_the_setting() -> None:
    with closing(open_in_memory()) as session:
        session.execute("set memory_limit = '10MB'; set temp_directory = ''")
        with pytest.raises(NoMemory) as refused:
            session.execute("create temp table wide as select range as n, repeat('x', 100) from range(1_000_000)")
        with pytest.raises(EngineError) as other:
            session.execute("selec 1")

    assert memory_lacking(other.value) is None
    assert "set ANGIME_WAREHOUSE_MEMORY_MIB higher" in str(memory_lacking(refused.value))


def test_what_is_written_to_a_full_disk_is_said_to_find_no_room(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "angime", "sources"]
        said = subprocess.run(
            command,
            env={**os.environ, "ANGIME_HOME": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert "angime: a disk has no room left: free some of it" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_port_that_is_taken_is_said_with_the_setting_that_names_another(taken: str, tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(COMPANY)
    (tmp_path / "api.toml").write_text(TOKENS)
    for verb, setting in (
        ("watch", "ANGIME_WATCH_PORT"),
        ("api", "ANGIME_API_PORT"),
        ("pages", "ANGIME_PAGES_PORT"),
        ("up", "ANGIME_RECEIVE_PORT"),
    ):
        said = typed(verb, home=tmp_path, BI_TOKEN="t" * 16, **{setting: taken})  # a setting, no shell
        assert (verb, said.code, len(said.err.splitlines())) == (verb, 2, 1)
        assert f"set {setting} to" in said.err
    assert not (tmp_path / "kafka").exists()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("search word --operator aigull", "did you mean aigul?"),
        ("search word --from 2026-03-02 --to 2026-03-01", "the last day lies before the first"),
        ("explain answer_rate --period 2026-03 --scope operator=aigull", "did you mean aigul?"),
        ("replay --from 2026-03-02 --to 2026-03-01", "--to lies before --from"),
        ("schema diff call.ended --old 2 --new 1", "--old 2 is newer than --new 1"),
        ("snapshot {new} --as-of 9000-01-01", "which has not come yet"),
        ("erase --file {picture}", "is no text in UTF-8"),
        ("sql 'select 1' --json --csv", "--json and --csv: they contradict each other"),
        ("sql 'select 1; select 2' --json", "these are 2 statements"),
        ("sql --csv", "write the query"),
        ("sql ''", "there is no statement in it"),
        ("sql '\\d nowhere'", "write a name such as facts.calls"),
        ("forget --dry-run --yes", "--yes and --dry-run: they contradict each other"),
        ("replay --yes", "a replay without"),
        ("replay --stage normalise --correct --dry-run --yes", "--yes and --dry-run: they contradict each other"),
        ("move --folder {new} --dry-run --yes", "--yes and --dry-run: they contradict each other"),
        ("compare live live", "this is one warehouse twice"),
        ("dead list --since 1h --until 2h", "--until lies before --since"),
        ("dead show raw/0/1 --body --json", "--body and --json: they contradict each other"),
    ],
)
def test_what_can_be_of_nothing_is_refused(written: str, told: str, home: Path) -> None:
    picture = home / "picture.png"
    picture.write_bytes(bytes(range(256)))
    words = shlex.split(written.format(new=home / "new", picture=picture))
    said = typed(*words, home=home, ANGIME_KAFKA=NO_KAFKA)

    assert (said.code, said.out) == (2, "")
    assert told in said.err


def test_a_search_that_finds_nothing_says_so(home: Path) -> None:
    said = typed("search", "word", home=home)

    assert (said.code, said.out) == (1, "")
    assert "nothing was found" in said.err


def test_where_no_dead_letter_waits_it_is_said_in_words(home: Path) -> None:
    told = [typed(*shlex.split(written), home=home).out for written in ("dead list", "dead list --since 1h")]

    assert told == ["no dead letter waits\n", "no dead letter is as it was asked for\n"]


def test_what_sources_give_is_listed_in_words(tmp_path: Path) -> None:
    [line] = [line for line in typed("sources", home=tmp_path).out.splitlines() if line.startswith("viber")]

    assert ["viber", "Viber", "(bot)", "messages"] == line.split()


def _without_rights(written: str, *, home: Path) -> Said:
    """Run a verb as a user to whom the rights of files apply, as they do to everybody but root."""
    done = subprocess.run(
        [sys.executable, "-m", "angime", *shlex.split(written)],
        env={**os.environ, "ANGIME_HOME": str(home), "ANGIME_KAFKA": NO_KAFKA},
        preexec_fn=_give_up_rights,  # the child has one thread, and does nothing else
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _give_up_rights() -> None:
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
