"""Homes that earlier versions of ours have made: today's code goes on with them as if it had made them itself."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import msgspec

from analytics.landing import letters
from analytics.landing.letters import LetterFilter
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, open_reader, open_writer
from angime.simulator.company import COMPANY as COMPANY_ID
from pipelines import redelivery
from pipelines.kafka.ports import Record
from pipelines.land import TOPICS as LANDED
from schemas.topics import TOPICS
from tests.fakes import MemoryKafka
from tests.torture.faults import Case, fault
from tests.torture.manifest import manifest
from tests.torture.peace import RECEIVED, as_records, calls_of, fact_of, facts_of, land
from tests.torture.stacks import look, rebuilt
from tests.torture.tales import telling

ROOT = Path(__file__).parent.parent.parent
CODE = ("angime", "schemas", "pipelines", "streams", "analytics", "dashboards", "pyproject.toml")
END_SECONDS = 300
# The company of the story as every version could read it; today's file has words that the first ones did not know.
COMPANY = f'id = "{COMPANY_ID}"\nname = "N"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
# What every version has had: a writer that lands batches of records. Nothing else of today's code is known to it.
_LAND = f"""
import sys
from pathlib import Path
import msgspec
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, open_writer

class Record(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple
    timestamp_ms: int

records = msgspec.msgpack.decode(Path(sys.argv[2]).read_bytes(), type=list[Record])
with open_writer(AnalyticsSettings(home=Path(sys.argv[1]))) as writer:
    for start in range(0, len(records), 500):
        writer.land(Batch(records[start : start + 500]), now={RECEIVED!r})
"""


@fault(
    "A home was made by an earlier version of ours: today's code opens it, lands what comes next and, sent again, what "
    "that version did not know; every table is as if today's code had made it, and as rebuilt.",
    quick_seconds=None,
    full_seconds=310,
)
def earlier_versions(case: Case) -> None:
    """Land the half of a story by the code of earlier commits, and the rest by today's.

    What the earlier code refused, for it did not know its type, is sent again as `angime dead retry` does. Where the
    repository's history is not there, nothing is tried.
    """
    commits = _earlier_commits(case.size(quick=1, full=8))
    if not commits:
        case.give_up("for the history of the repository is not here")
        return
    with telling(seed=case.seed, days=21, calls=300, recordings=0) as tale:
        today = tale.furnish(case.folder / "today")
        facts = facts_of(tale.deliveries, home=today)
        case.chance.shuffle(facts)  # so that each half has of every type
        records = as_records(facts)
        land(today, records)
        before = look(today)
        half = case.folder / "half"
        half.write_bytes(msgspec.msgpack.encode(records[: len(records) // 2]))
        sent_again = 0
        for number, commit in enumerate(commits):
            case.step(f"version {number + 1} of {len(commits)}")
            code, home = case.folder / f"code{number}", case.folder / f"home{number}"
            _unpack(commit, code)
            home.mkdir()
            (home / "company.toml").write_text(COMPANY, encoding="utf-8")
            done = _run(code, home, half)
            case.holds(f"{commit[:10]} lands the half", expected=(0, ""), actual=(done.returncode, _last(done.stderr)))
            if done.returncode == 0:
                tale.furnish(home)
                land(home, records[len(records) // 2 :])
                decisions = _send_again(home, records)
                sent_again += len(decisions)
                after = look(home)
                all_ids = manifest([*(fact.id for fact in facts), *decisions])
                case.holds(f"each event is there once after {commit[:10]}", expected=all_ids, actual=after.events)
                case.holds(f"each call is there once after {commit[:10]}", expected=calls_of(facts), actual=after.calls)
                differing = [name for name, known in before.hashes.items() if after.hashes[name] != known]
                case.holds(f"no table differs after {commit[:10]}", expected=[], actual=differing)
                anew = rebuilt(home)
                differing = [name for name, known in before.hashes.items() if anew[name] != known]
                case.holds(f"no table differs when {commit[:10]} is rebuilt", expected=[], actual=differing)
    names = [commit[:10] for commit in commits]
    case.note(versions=len(commits), events=len(facts), sent_again=sent_again, commits=names)


def _send_again(home: Path, records: Sequence[Record]) -> list[str]:
    """Let `angime dead retry` send what was refused of these records, and land it; gives the ids of its decisions."""
    kafka = MemoryKafka({topic.name: topic.partitions for topic in TOPICS.values()})
    for record in records:
        kafka.logs[record.topic, record.partition].append(record)
    settings = AnalyticsSettings(home=home)
    with open_reader(settings) as reader:
        places = [letter.place for letter in letters.find(reader, LetterFilter())]
        refused = letters.whole(reader, places)
    redelivery.retry(refused, producer=kafka.producer(), note="a version that knows it is here", now=RECEIVED)
    with open_writer(settings) as writer:
        rest = kafka.assign(LANDED, writer.next_offsets()).poll(max_records=2 * len(records), timeout_seconds=0)
        writer.land(Batch(rest), now=RECEIVED)
    return [fact_of("decisions", key=one.key or b"", value=one.value or b"").id for one in kafka.records("decisions")]


def _earlier_commits(count: int) -> list[str]:
    """Choose commits that changed the warehouse's code, evenly over all that there are, the oldest among them."""
    try:
        places = ("analytics/landing", "analytics/landing.py", "analytics/facts")
        listed = _git("log", "--format=%H", "--", *places).decode().split()
    except subprocess.CalledProcessError:
        return []
    older = [commit for commit in listed[1:] if _has_writer(commit)]
    size = max(1, len(older) // count)
    return older[::-1][::size][:count]


def _has_writer(commit: str) -> bool:
    text = subprocess.run(
        ["git", "show", f"{commit}:analytics/warehouse.py"], cwd=ROOT, capture_output=True, check=False
    ).stdout
    return b"def open_writer" in text and b"Batch" in text


def _unpack(commit: str, folder: Path) -> None:
    """Lay the code of a commit into a folder."""
    names = set(_git("ls-tree", "--name-only", commit).decode().split())
    with tarfile.open(fileobj=BytesIO(_git("archive", commit, *(name for name in CODE if name in names)))) as archive:
        archive.extractall(folder, filter="data")


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


def _run(code: Path, home: Path, records: Path) -> subprocess.CompletedProcess[str]:
    """Land records by other code than ours: it comes first on the path, and no module of ours is loaded."""
    return subprocess.run(
        [sys.executable, "-c", _LAND, str(home), str(records)],
        cwd=code,
        env=os.environ | {"PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
        check=False,
    )


def _last(text: str) -> str:
    lines: Sequence[str] = text.strip().splitlines()
    return lines[-1] if lines else ""
