"""The installation's own secret, with which identities become digests that nobody else can make or read back."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from schemas.errors import Misconfigured

KEY_BYTES = 32


def installation_key(home: Path) -> bytes:
    """Give the secret of this home, made when it is first asked for; only its owner may read the file.

    Raises Misconfigured where it was tampered with: digests made before could not be known again.
    """
    file = home / "secret.key"
    if not file.exists():
        home.mkdir(parents=True, exist_ok=True)
        _make(file)
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise Misconfigured(f"{file} does not hold {KEY_BYTES} bytes: put a copy of it back")
    return key


def _make(file: Path) -> None:
    """Make a secret, which is there whole or not at all; where another process was quicker, its own stays."""
    handle, name = mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as draft:
            draft.write(secrets.token_bytes(KEY_BYTES))
            draft.flush()
            os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        Path(name).unlink()
