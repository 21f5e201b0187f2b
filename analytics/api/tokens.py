"""Who may read what: tokens with a company and scopes, from `api.toml`, their secrets by reference only."""

import hmac
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.envelope import Name
from schemas.errors import Misconfigured
from schemas.secret_references import SecretReference, resolve_secret

Scope = Literal["calls", "conversations", "metrics", "texts", "live"]

LEAST_SECRET_CHARACTERS = 16


class Token(Struct, frozen=True, kw_only=True):
    """One reader: the company whose rows it sees, and what of them. Its secret is never shown."""

    name: str
    company: str
    scopes: tuple[Scope, ...]
    secret: str

    def __repr__(self) -> str:
        return f"Token({self.name})"


class _Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    company: Name
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]
    secret: SecretReference


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[_Declared, ...]


def read_tokens(path: Path, *, environ: Mapping[str, str] = os.environ) -> tuple[Token, ...]:
    """Read the tokens of a file; a relative `file:` lies beside it.

    Raises Misconfigured, in one sentence, for a file that is not there or not right, and for a secret that is missing,
    short, or the same for two tokens.
    """
    try:
        declared = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).tokens
    except FileNotFoundError:
        raise Misconfigured(f"no tokens are given out: write [[tokens]] into {path} (docs/api.md shows how)") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Misconfigured(f"{path.name} cannot be read: {error}") from None
    tokens = tuple(_resolved(one, folder=path.parent, environ=environ) for one in declared)
    if len({token.secret for token in tokens}) < len(tokens):
        raise Misconfigured(f"{path.name}: two tokens have the same secret, so nobody could tell them apart")
    return tokens


def known(tokens: Sequence[Token], authorization: str) -> Token | None:
    """Find whose token a header `Authorization: Bearer …` carries, in a time that tells nothing of the others."""
    kind, _, written = authorization.partition(" ")
    if kind.lower() != "bearer" or not written:
        return None
    found: Token | None = None
    for token in tokens:
        if hmac.compare_digest(token.secret.encode(), written.strip().encode()):
            found = token
    return found


def _resolved(declared: _Declared, *, folder: Path, environ: Mapping[str, str]) -> Token:
    secret = resolve_secret(
        declared.secret, environ=environ, read=lambda name: (folder / name).read_text(encoding="utf-8")
    )
    if len(secret) < LEAST_SECRET_CHARACTERS:
        raise Misconfigured(
            f"the secret of token {declared.name!r} has fewer than {LEAST_SECRET_CHARACTERS} characters: make another"
        )
    return Token(name=declared.name, company=declared.company, scopes=declared.scopes, secret=secret)
