"""Disks that are full: whoever writes is refused at any byte, and what was not written whole was not written."""

import resource
import subprocess
import sys
from pathlib import Path

import msgspec

from pipelines.kafka.ports import Record
from pipelines.receiving.outbox import Outbox
from schemas.errors import NotYet
from tests.torture.faults import Case, fault
from tests.torture.manifest import manifest
from tests.torture.peace import as_records, calls_of, facts_of, land
from tests.torture.stacks import look, rebuilt
from tests.torture.tales import telling

KIB = 1024
LARGEST_KIB = 600  # of one file: the catalog of a small story grows beyond it
END_SECONDS = 300
LEAST_RECORD, LARGEST_RECORD = 1, 3_000
# No file of the process may grow beyond the limit: it is told the same as by a full disk, at whichever byte it stands.
_WITHIN = "import sys; from pathlib import Path; from tests.torture import filling; "
_LAND = _WITHIN + "filling.land_within(Path(sys.argv[1]), Path(sys.argv[2]), limit_bytes=int(sys.argv[3]))"
_KEEP = _WITHIN + "filling.keep_within(Path(sys.argv[1]), Path(sys.argv[2]), limit_bytes=int(sys.argv[3]))"


@fault(
    "The disk is full again and again while the lander writes, at any byte of catalog and data files: what was landed "
    "stays, the rest is landed when there is room, and every table is as if there always had been.",
    quick_seconds=None,
    full_seconds=290,
)
def full_disk(case: Case) -> None:
    """Land a story in processes whose files may not grow, and at last in one whose files may."""
    with telling(seed=case.seed, days=21, calls=case.size(quick=150, full=600), recordings=0) as tale:
        peaceful, narrow = (tale.furnish(case.folder / name) for name in ("peaceful", "narrow"))
        facts = facts_of(tale.deliveries, home=peaceful)
    records = as_records(facts)
    given = case.folder / "records"
    given.write_bytes(msgspec.msgpack.encode(records))
    refused = 0
    for number in range(case.size(quick=2, full=40)):
        case.step(f"disk {number + 1}")
        limit_bytes = case.chance.randint(1, LARGEST_KIB) * KIB
        refused += _run(_LAND, narrow, given, limit_bytes) != 0
    land(narrow, records)
    land(peaceful, records)
    before, after = look(peaceful), look(narrow)
    case.holds("the disk was too small at least once", expected=True, actual=refused > 0)
    case.holds("each event is there once", expected=manifest(fact.id for fact in facts), actual=after.events)
    case.holds("each call is there once", expected=calls_of(facts), actual=after.calls)
    case.holds("the tables are those of a large disk", expected=before.hashes, actual=after.hashes)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(narrow))
    case.note(events=len(facts), full_disks=refused)


@fault(
    "The disk is full while webhooks wait for Kafka in the outbox: what was acknowledged is given out in its order, "
    "and what was refused is not there.",
    quick_seconds=5,
    full_seconds=170,
)
def full_outbox_disk(case: Case) -> None:
    """Fill outboxes until a write is refused, each in a process of its own, and read them in another."""
    kept = refused = 0
    for number in range(case.size(quick=3, full=60)):
        folder = case.folder / str(number)
        folder.mkdir()
        records = [case.chance.randbytes(case.chance.randint(LEAST_RECORD, LARGEST_RECORD)) for _ in range(60)]
        (folder / "records").write_bytes(msgspec.msgpack.encode(records))
        _run(_KEEP, folder / "outbox", folder / "records", case.chance.randint(0, 60 * LARGEST_RECORD // 2))
        acknowledged = msgspec.msgpack.decode((folder / "records.kept").read_bytes(), type=list[int])
        found = _drained(folder / "outbox")
        is_kept = found == [records[place] for place in acknowledged]
        case.holds(f"outbox {folder.name} holds what it acknowledged", expected=True, actual=is_kept)
        kept, refused = kept + len(found), refused + len(records) - len(found)
    case.holds("a disk was too small at least once", expected=True, actual=refused > 0)
    case.note(records_kept=kept, records_refused=refused)


def land_within(home: Path, given: Path, *, limit_bytes: int) -> None:
    """Land records while no file may grow beyond the limit; it ends as the engine ends."""
    records = msgspec.msgpack.decode(given.read_bytes(), type=list[Record])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    land(home, records)


def keep_within(folder: Path, given: Path, *, limit_bytes: int) -> None:
    """Put records into an outbox while no file may grow beyond the limit; says in a file which were acknowledged."""
    records = msgspec.msgpack.decode(given.read_bytes(), type=list[bytes])
    outbox = Outbox(folder, max_bytes=KIB * KIB)
    acknowledged: list[int] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    for number, record in enumerate(records):
        try:
            outbox.append([record])
            acknowledged.append(number)
        except NotYet:
            continue
    outbox.close()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    given.with_suffix(".kept").write_bytes(msgspec.msgpack.encode(acknowledged))


def _drained(folder: Path) -> list[bytes]:
    outbox = Outbox(folder, max_bytes=KIB * KIB)
    found: list[bytes] = []
    while some := outbox.oldest(max_bytes=KIB * KIB):
        found += some
        outbox.forget(some)
    outbox.close()
    return found


def _run(program: str, *arguments: object) -> int:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=END_SECONDS,
        check=False,
    )
    return done.returncode
