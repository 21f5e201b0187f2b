"""The installation's own secret, with which identities become digests that nobody else can make or read back."""

import os
import secrets
from pathlib import Path

from schemas.errors import Misconfigured

KEY_BYTES = 32


def installation_key(home: Path) -> bytes:
    """Give the secret of this home, made when it is first asked for; only its owner may read the file.

    Raises Misconfigured where it was tampered with: digests made before could not be known again.
    """
    file = home / "secret.key"
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = file.read_bytes()
        if len(key) != KEY_BYTES:
            raise Misconfigured(f"{file} does not hold {KEY_BYTES} bytes: put a copy of it back") from None
        return key
    with os.fdopen(handle, "wb") as opened:
        key = secrets.token_bytes(KEY_BYTES)
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
    return key
