"""How files are written: replaced as a whole, or for the eyes of their owner alone.

Who reads one that is replaced, also after a power failure, finds what was before or is now.
"""

import os
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file, or make it; on return it is on the disk."""
    draft = file.with_name(f"{file.name}.draft")
    with draft.open("wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    draft.replace(file)
    sync_folder(file.parent)


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone may read, in a folder of such."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text, encoding="ascii")


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
