"""References to secrets, which company data and tokens hold instead of the secrets themselves."""

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from schemas.errors import Misconfigured

SecretReference = Annotated[
    str, Meta(pattern=r"^(env|file):.+$", description="env:NAME or file:PATH, never the secret itself")
]


def resolve_secret(reference: SecretReference, *, environ: Mapping[str, str], read: Callable[[str], str]) -> str:
    """Give the secret that `reference` points to, looked up in `environ` or by `read`, without spaces around it.

    Raises Misconfigured when it is not there or empty.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = environ.get(name, "").strip()
    else:
        try:
            secret = read(name).strip()
        except OSError:
            secret = ""
    if not secret:
        where = f"set the environment variable {name}" if kind == "env" else f"write it into the file {name}"
        raise Misconfigured(f"the secret {reference} is missing: {where}")
    return secret
