"""Bytes that a disk gives back otherwise than it was given: in data files, catalog, outbox and search index."""

import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path

from analytics.engine.data_files import FolderFiles
from analytics.engine.seals import Seals
from analytics.search.index import SearchIndex, SearchQuery
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader, open_writer
from pipelines.receiving.outbox import Outbox
from schemas.errors import Halted
from tests.analytics import test_search as search_cases
from tests.torture.faults import Case, fault
from tests.torture.peace import as_records, facts_of, land
from tests.torture.stacks import TABLES
from tests.torture.tales import telling

READ_SECONDS = 120
MIB = 1024 * 1024
# Reads everything in a process of its own: a damaged file may end the engine, and then nothing silent was read.
_READ = """
import sys
from pathlib import Path
from tests.torture.damaging import everything
print(everything(Path(sys.argv[1])))
"""


def everything(home: Path) -> str:
    """Sum up every row of the log and of every table, read as pages read."""
    with open_reader(AnalyticsSettings(home=home)) as reader:
        return str(
            [
                reader.sql(
                    f"select count(*), sum(hash(counted)::hugeint)::varchar from {name} as counted"  # noqa: S608  # ours
                ).row(0)
                for name in ("log.events", "log.offsets", *TABLES)
            ]
        )


def _read(home: Path) -> tuple[str, str]:
    """Give what was read, or why it was not: the sentence, or the signal that ended the engine."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(home)], capture_output=True, text=True, timeout=READ_SECONDS, check=False
    )
    lines = done.stderr.strip().splitlines() or [f"signal {-done.returncode}"]
    return (done.stdout, "") if done.returncode == 0 else ("", lines[-1][:160])


def flip(file: Path, chance: random.Random) -> None:
    """Turn one bit."""
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def tear(file: Path, chance: random.Random) -> None:
    """Cut the file anywhere."""
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content))])


def hollow(file: Path, chance: random.Random) -> None:
    """Fill a page with zeros, as a power cut does."""
    content = bytearray(file.read_bytes())
    begin = chance.randrange(len(content))
    content[begin : begin + 4096] = bytes(len(content[begin : begin + 4096]))
    file.write_bytes(content)


DAMAGES: Sequence[Callable[[Path, random.Random], None]] = (flip, tear, hollow)


@fault(
    "A disk turns a bit of a data file, cuts it off or forgets a page of it: the damage is seen, damaged facts are "
    "built anew to the same rows, and nothing is built from a damaged log, whose file is named.",
    quick_seconds=10,
    full_seconds=600,
)
def damaged_data(case: Case) -> None:
    """Damage one file after the other of a whole warehouse, each in a copy."""
    whole = _warehouse(case, calls=300)
    before = _hashes(whole)
    data = whole / "warehouse" / "data"
    files = sorted(path.relative_to(data) for path in data.rglob("*.parquet"))
    outcomes: Counter[str] = Counter()
    for number in range(case.size(quick=3, full=60)):
        case.step(f"file {number + 1}")
        home = case.folder / f"copy{number}"
        shutil.copytree(whole, home)
        name = str(case.chance.choice(files))
        DAMAGES[number % len(DAMAGES)](home / "warehouse" / "data" / name, case.chance)
        found = Seals(FolderFiles(home / "warehouse")).damaged()
        is_same = (home / "warehouse" / "data" / name).read_bytes() == (data / name).read_bytes()
        case.holds(f"the damage of {name} is seen", expected=[] if is_same else [name], actual=found)
        try:
            with open_writer(AnalyticsSettings(home=home)) as writer:
                writer.rebuild()
            outcomes["built anew"] += 1
            case.holds(f"the rows are the same after the damage of {name}", expected=before, actual=_hashes(home))
        except Halted as halted:
            outcomes["refused"] += 1
            case.holds("only a damaged log is refused, by name", expected=True, actual=name in halted.reason)
        shutil.rmtree(home)
    case.note(files=len(files), **{outcome.replace(" ", "_"): count for outcome, count in outcomes.items()})


@fault(
    "The catalog is cut off, loses a page or has a bit turned: it is refused with a sentence, or read as before; what "
    "is changed unseen is counted, for the catalog has no checksums.",
    quick_seconds=None,
    full_seconds=300,
)
def damaged_catalog(case: Case) -> None:
    """Damage the catalog in copies, and read everything in a process of its own."""
    whole = _warehouse(case, calls=300)
    before, _ = _read(whole)
    outcomes: Counter[str] = Counter({"said": 0, "unchanged": 0, "unseen": 0})
    for number in range(case.size(quick=3, full=60)):
        case.step(f"catalog {number + 1}")
        home = case.folder / f"copy{number}"
        shutil.copytree(whole, home)
        DAMAGES[number % len(DAMAGES)](home / "warehouse" / "catalog.sqlite", case.chance)
        rows, _ = _read(home)
        outcomes["said" if not rows else "unchanged" if rows == before else "unseen"] += 1
        shutil.rmtree(home)
    case.note(**outcomes)


@fault(
    "A disk damages the outbox in which webhooks wait for Kafka: what is damaged is set aside, what is given out is "
    "what was put in, in its order, and nothing else.",
    quick_seconds=2,
    full_seconds=50,
)
def damaged_outbox(case: Case) -> None:
    """Damage segments, and open the outbox again."""
    given = lost = 0
    for number in range(case.size(quick=200, full=3_000)):
        folder = case.folder / f"outbox{number}"
        outbox = Outbox(folder, max_bytes=4 * MIB)
        records = [case.chance.randbytes(case.chance.randint(1, 300)) for _ in range(20)]
        outbox.append(records)
        outbox.close()
        [segment] = folder.glob("*.segment")
        ends = {8 * (place + 1) + size for place, size in enumerate(accumulate(map(len, records)))}
        DAMAGES[number % len(DAMAGES)](segment, case.chance)
        size_bytes = segment.stat().st_size
        opened = Outbox(folder, max_bytes=4 * MIB)
        kept = opened.oldest(max_bytes=MIB)
        opened.close()
        if kept != records[: len(kept)]:
            case.broken.append(f"outbox {number} gave out what was never put in, or in another order")
        # A file that ends where a record did looks like one that never held more.
        is_cut_between = size_bytes in {0, *ends}
        if len(kept) < len(records) and not is_cut_between and not list(folder.glob("*.damaged")):
            case.broken.append(f"outbox {number} lost records without setting their bytes aside")
        given, lost = given + len(kept), lost + len(records) - len(kept)
        shutil.rmtree(folder)
    case.note(outboxes=number + 1, records_given=given, records_set_aside=lost)


@fault(
    "The index of the search is cut off, loses a page or has a bit turned: no search falls, and what is damaged is "
    "made anew and finds the same.",
    quick_seconds=6,
    full_seconds=270,
)
def damaged_search(case: Case) -> None:
    """Damage the index in copies, and search."""
    facts = search_cases.Facts(search_cases.warehouse(search_cases.drawn()))
    path = case.folder / "search.sqlite"
    before = _searched(path, facts)
    whole = path.read_bytes()
    made_anew = 0
    for number in range(case.size(quick=60, full=1_500)):
        path.write_bytes(whole)
        DAMAGES[number % len(DAMAGES)](path, case.chance)
        damaged = path.read_bytes()
        case.holds(f"index {number} finds the same", expected=before, actual=_searched(path, facts))
        made_anew += path.read_bytes() != damaged
        for left in case.folder.glob("search.sqlite*"):
            left.unlink()
    case.note(indexes=number + 1, made_anew=made_anew)


def _searched(path: Path, facts: search_cases.Facts) -> list[list[str]]:
    with closing(SearchIndex(path)) as index:
        index.follow(facts)
        return [
            [one.call_id for one in index.search(SearchQuery(text=words, company="acme"), reader=facts)]
            for words in ("доставка", "заказ", "тапсырыс", "entrega pedido", "delivery", "погода", "скидка", "кітап")
        ]


def _warehouse(case: Case, *, calls: int) -> Path:
    with telling(seed=case.seed, days=21, calls=calls, recordings=0) as tale:
        home = tale.furnish(case.folder / "whole")
        facts = facts_of(tale.deliveries, home=home)
    land(home, as_records(facts))
    return home


def _hashes(home: Path) -> Mapping[str, object]:
    with open_writer(AnalyticsSettings(home=home)) as writer:
        return {name: writer.table_hash(name) for name in ("log.events", *TABLES)}
