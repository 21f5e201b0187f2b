"""Files are imported piece by piece, alike at every reading, and an import that was stopped goes on where it was."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines import importing
from pipelines.arrivals import Arrivals
from pipelines.origins import Origin
from pipelines.pieces import CHUNK_BYTES, files_of, pieces
from pipelines.positions import Positions
from pipelines.sources import SOURCES
from schemas.company import Account, Company
from schemas.errors import Misconfigured, NotYet
from tests.fakes import MemoryKafka, MemoryProducer

NOW = "2026-03-02T12:00:00.000Z"
HEADER = "src,dst,disposition,duration,billsec,start,uniqueid\n"


def origin(source: str = "asterisk") -> Origin:
    account = Account(id="pbx", source=source)
    company = Company(id="demo", name="Demo", time_zone="Asia/Almaty", default_region="KZ", accounts=(account,))
    return Origin(company=company, account=account, source=SOURCES[source])


def row(number: int) -> str:
    return f"87011234567,101,BUSY,5,0,2026-03-02 14:15:30,1772442930.{number}\n"


class Breaking(MemoryProducer):
    """A producer that Kafka leaves after so many flushes."""

    flushes_left = 0

    def flush(self, *, timeout_seconds: float = 1.0) -> None:
        """Write, or find Kafka gone."""
        if Breaking.flushes_left == 0:
            raise NotYet("Kafka went away")
        Breaking.flushes_left -= 1
        super().flush(timeout_seconds=timeout_seconds)


def send(files: list[Path], folder: Path, kafka: MemoryKafka, **changed: Any) -> importing.Progress:
    arrivals = Arrivals(connect=changed.pop("connect", kafka.producer), now=lambda: NOW)
    return importing.send(files, origin=origin(), arrivals=arrivals, positions=Positions(folder / "imports"), **changed)


def bodies(kafka: MemoryKafka) -> list[bytes]:
    return [record.value or b"" for record in kafka.records("raw")]


def test_lines_are_cut_into_chunks_under_their_header(tmp_path: Path) -> None:
    file = tmp_path / "Master.csv"
    file.write_text(HEADER + "".join(row(number) for number in range(9_000)))
    cut = list(pieces(file))

    assert len(cut) > 1
    assert all(piece.body.startswith(HEADER.encode()) for piece in cut)
    assert [piece.number for piece in cut] == list(range(1, len(cut) + 1))
    assert sum(piece.body.count(b"\n") - 1 for piece in cut) == 9_000
    assert cut[-1].bytes_read == file.stat().st_size
    assert max(len(piece.body) for piece in cut) < CHUNK_BYTES + 1_000


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("hooks.jsonl", b'{"a": 1}\n\n{"b": 2}\n', [b'{"a": 1}', b'{"b": 2}']),
        ("body.json", b'[{"a": 1}]', [b'[{"a": 1}]']),
        ("body.txt", b"a=1&b=2", [b"a=1&b=2"]),
        ("empty.csv", b"", []),
    ],
)
def test_a_file_is_cut_by_its_kind_also_when_it_is_packed(
    tmp_path: Path, name: str, content: bytes, expected: list[bytes]
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))

    for file in (tmp_path / name, tmp_path / f"{name}.gz"):
        assert [piece.body for piece in pieces(file)] == expected


def test_a_long_list_of_json_is_cut_into_shorter_ones(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    listed = [{"number": number, "text": "x" * 1_000} for number in range(3_000)]
    file.write_text(json.dumps(listed))
    cut = [json.loads(piece.body) for piece in pieces(file)]

    assert len(cut) > 1
    assert [one for part in cut for one in part] == listed


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"a" * 1_000)[:-12])
    (tmp_path / "no.csv.gz").write_bytes(b"not packed")
    (tmp_path / "long.csv").write_bytes(b"x" * (1024 * 1024 + 1))

    for name in ("broken.csv.gz", "no.csv.gz", "long.csv"):
        with pytest.raises(Misconfigured, match=name):
            list(pieces(tmp_path / name))
    with pytest.raises(Misconfigured, match="neither a file nor a folder"):
        files_of([tmp_path / "missing"])


def test_files_of_a_folder_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", ".hidden", "sub/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    assert [file.name for file in files_of([tmp_path, tmp_path / "a.csv"])] == ["a.csv", "b.csv", "c.csv"]


def test_an_import_that_was_stopped_goes_on_and_sends_nothing_twice(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two", "three"):
        files.append(tmp_path / f"{name}.jsonl")
        files[-1].write_text("".join(f'{{"{name}": {number}}}\n' for number in range(450)))
    kafka = MemoryKafka({"raw": 1})
    Breaking.flushes_left = 4
    with pytest.raises(NotYet):
        send(files, tmp_path, kafka, connect=lambda: Breaking(kafka))
    before = len(bodies(kafka))
    progress = send(files, tmp_path, kafka)

    assert 0 < before < 1_350
    assert len(bodies(kafka)) == len(set(bodies(kafka))) == 1_350
    assert progress.pieces == 1_350 - before
    assert (progress.files_done, progress.bytes_done) == (3, progress.bytes_total)


def test_what_was_imported_is_not_sent_again_unless_it_changed_or_somebody_asks(tmp_path: Path) -> None:
    file = tmp_path / "hooks.jsonl"
    file.write_text('{"a": 1}\n')
    kafka = MemoryKafka({"raw": 1})
    counts = []
    for change in ("", "", '{"b": 2}\n', ""):
        with file.open("a") as opened:
            opened.write(change)
        send([file], tmp_path, kafka)
        counts.append(len(bodies(kafka)))
    importing.forget([file], origin=origin(), positions=Positions(tmp_path / "imports"))
    send([file], tmp_path, kafka)

    assert [*counts, len(bodies(kafka))] == [1, 1, 3, 3, 5]


def test_progress_tells_the_rate(tmp_path: Path) -> None:
    file = tmp_path / "hooks.jsonl"
    file.write_text("".join(f'{{"a": {number}}}\n' for number in range(1_000)))
    ticks = iter(float(second) for second in range(100))
    seen: list[importing.Progress] = []
    send([file], tmp_path, MemoryKafka({"raw": 1}), report=seen.append, clock=lambda: next(ticks))

    first = seen[0]
    assert first.bytes_per_second == first.bytes_done
    assert seen[-1].bytes_done == seen[-1].bytes_total == file.stat().st_size
    assert importing.Progress().bytes_per_second == 0


def test_a_dry_run_counts_what_the_files_would_become(tmp_path: Path) -> None:
    file = tmp_path / "Master.csv"
    file.write_text(HEADER + row(1) + row(2) + "1,2,DANCING,1,0,2026-03-02 14:15:30,3\n")
    verdict = importing.try_out([file], origin=origin(), received_at=NOW)

    assert verdict.events == {"call.ended": 2}
    assert verdict.refused == {"the disposition is none of Asterisk's": 1}
