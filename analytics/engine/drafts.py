"""Files that are replaced as a whole: who reads one finds what was before or is now, also after a power failure."""

import os
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file, or make it, by a draft beside it that is on the disk before it gets the name."""
    draft = file.with_suffix(".draft")
    with draft.open("wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    draft.replace(file)
