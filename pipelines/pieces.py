"""Cutting files into bodies of one record each, alike at every reading."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from pipelines.sources.asterisk_rows import is_header
from schemas.errors import Misconfigured

CHUNK_BYTES = 256 * 1024
MAX_LINE_BYTES = 1024 * 1024
MAX_WHOLE_BYTES = 64 * 1024 * 1024

_LINES = frozenset({".csv", ".log"})
_OBJECTS = frozenset({".jsonl", ".ndjson"})


class Piece(Struct, frozen=True):
    """One body, and where the next begins: its file, how many pieces and bytes of it are read with this one."""

    file: Path
    body: bytes
    number: int
    bytes_read: int


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Give the files that `paths` name, those of a folder in the order of their names; hidden ones are left out.

    Raises Misconfigured for a path that is not there, and when there is no file at all.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        elif path.is_file():
            files.append(path)
        else:
            raise Misconfigured(f"{path} is neither a file nor a folder")
    if not files:
        raise Misconfigured("there is no file to import")
    return list(dict.fromkeys(files))


def pieces(file: Path) -> Iterator[Piece]:
    """Cut a file into bodies: `.csv` by lines, each chunk under its header; `.jsonl` one a line; all else whole.

    `.gz` may stand behind. A list of JSON that is too long for one record is cut into shorter lists. Cutting depends on
    the bytes alone, so that an import that is resumed cuts alike. Raises Misconfigured for what cannot be read.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes]
    is_packed = bool(suffixes) and suffixes[-1] == ".gz"
    kind = (suffixes[:-1] if is_packed else suffixes)[-1:] or [""]
    try:
        with _open(file, is_packed=is_packed) as stream:
            if kind[0] in _LINES:
                yield from _chunks(file, stream)
            elif kind[0] in _OBJECTS:
                yield from _objects(file, stream)
            else:
                yield from _whole(file, stream)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "its packing is broken"
        raise Misconfigured(f"{file} cannot be read: {reason}") from None


def _chunks(file: Path, stream: IO[bytes]) -> Iterator[Piece]:
    header = b""
    lines: list[bytes] = []
    size = number = read = 0
    for line in _lines(file, stream):
        if read == 0 and is_header(line):
            header = line if line.endswith(b"\n") else line + b"\n"
            read += len(line)
            continue
        read += len(line)
        lines.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            number += 1
            yield Piece(file, header + b"".join(lines), number, read)
            lines, size = [], 0
    if b"".join(lines).strip():
        yield Piece(file, header + b"".join(lines), number + 1, read)


def _objects(file: Path, stream: IO[bytes]) -> Iterator[Piece]:
    number = read = 0
    for line in _lines(file, stream):
        read += len(line)
        if line.strip():
            number += 1
            yield Piece(file, line.strip(), number, read)


def _lines(file: Path, stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            raise Misconfigured(f"{file} holds a line of more than {MAX_LINE_BYTES} bytes: it is no file of lines")
        yield line


def _whole(file: Path, stream: IO[bytes]) -> Iterator[Piece]:
    body = stream.read(MAX_WHOLE_BYTES + 1)
    if len(body) > MAX_WHOLE_BYTES:
        raise Misconfigured(f"{file} is larger than {MAX_WHOLE_BYTES} bytes: write one body a line, and call it .jsonl")
    if len(body) <= MAX_LINE_BYTES or body.lstrip()[:1] != b"[":
        yield Piece(file, body, 1, len(body))
        return
    try:
        listed = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield Piece(file, body, 1, len(body))
        return
    group: list[bytes] = []
    size = number = read = 0
    for one in listed:
        group.append(bytes(one))
        size += len(group[-1])
        if size >= CHUNK_BYTES:
            number, read = number + 1, read + size
            yield Piece(file, b"[" + b",".join(group) + b"]", number, read)
            group, size = [], 0
    if group:
        yield Piece(file, b"[" + b",".join(group) + b"]", number + 1, len(body))


def _open(file: Path, *, is_packed: bool) -> IO[bytes]:
    return gzip.open(file, "rb") if is_packed else file.open("rb")  # pyright: ignore[reportReturnType]
