"""Connecting a source: an account in the company file, files for its secrets, and the steps left to a person.

Nothing is told to a provider. What is in the company file stays as it is written, comments too.
"""

import re
import secrets
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomlkit
from msgspec import Struct

from angime.simulator.company import MARK
from pipelines.origins import load_companies, load_origins
from pipelines.settings import PipelinesSettings
from pipelines.sources import GUIDES
from pipelines.sources.guide import Secret, Setting, settings_problem
from pipelines.whole_files import write_private, write_whole
from schemas.company import parse_company
from schemas.errors import Misconfigured

# Of random bytes in a secret; written in hex, which every provider takes.
SECRET_BYTES = 24
FIRST_LINES = (
    "# Who the company is: docs/company.md tells what else may stand here, such as its hours and its people.\n"
)
ACCOUNTS = re.compile(r"(?m)^\s*\[\[\s*accounts\s*\]\]")
# Beside the company file.
SECRETS = "secrets"


class Account(Struct, frozen=True, kw_only=True):
    """The account that a person wants; what is empty is left to the source's guide.

    Each of the `settings` has one text or several.
    """

    source: str
    name: str = ""
    channel: str = ""
    address: str = ""
    settings: Mapping[str, Sequence[str]] = {}


class NewCompany(Struct, frozen=True, kw_only=True):
    """What a company file cannot be without."""

    name: str
    time_zone: str
    region: str


class SecretFile(Struct, frozen=True, kw_only=True):
    """Where a secret lies: `made` by us, `kept` as it was there, or `awaited` from the provider."""

    key: str
    file: Path
    state: Literal["made", "kept", "awaited"]


class Connection(Struct, frozen=True, kw_only=True):
    """What connecting would write, and what is left to do then."""

    company: str
    account: str
    company_file: Path
    added: str
    text: str
    secrets: tuple[SecretFile, ...]
    path: str
    steps: tuple[str, ...]


def plan(
    settings: PipelinesSettings, wanted: Account, *, company: str = "", new: NewCompany | None = None
) -> Connection:
    """Say what connecting would write; `new` begins a company file where there is none, under the id `company`.

    Raises Misconfigured for what cannot be written so: a company among several that is not named, an account that is
    there already, a setting that the source does not know, and whatever a company file may not hold.
    """
    file = _company_file(settings, company=company)
    is_there = file.exists()
    guide, name = GUIDES[wanted.source], wanted.name or wanted.source
    if is_there and (wanted.source, name) in load_origins(settings):
        raise Misconfigured(f"{name!r} of {wanted.source} is connected already: give this account a name in --account")
    text = file.read_text(encoding="utf-8") if is_there else _begun(new, company=company, file=file)
    if text.startswith(MARK):
        raise Misconfigured(f"{file} is the demo's, which writes it anew: name a home for your company in ANGIME_HOME")
    kept = [_secret("secrets", guide.proof, file=file, name=f"{name}.secret")]
    if guide.handshake:
        kept.append(_secret("verify_secret", guide.handshake, file=file, name=f"{name}.verify"))
    fields = _fields(wanted, name=name, secrets=kept)
    lines = f"{tomlkit.dumps({'accounts': [fields]}).strip()}\n"
    whole = f"{text.rstrip()}\n\n{lines}"
    if "accounts" in tomllib.loads(text) and not ACCOUNTS.search(text):
        raise Misconfigured(
            f"{file} has its accounts in one list: write each under [[accounts]], as docs/company.md shows"
        )
    read = parse_company(whole, file=str(file))
    return Connection(
        company=read.id,
        account=name,
        company_file=file,
        added=lines if is_there else whole,
        text=whole,
        secrets=tuple(kept),
        path=f"/hooks/{wanted.source}/{name}",
        steps=tuple(step.replace("ACCOUNT", name) for step in guide.connect_steps),
    )


def carry_out(connection: Connection) -> None:
    """Write the secrets that are ours to make, readable by the owner alone, and then the company file."""
    connection.company_file.parent.mkdir(parents=True, exist_ok=True)
    for secret in connection.secrets:
        if secret.state != "kept":
            write_private(secret.file, f"{secrets.token_hex(SECRET_BYTES)}\n" if secret.state == "made" else "")
    write_whole(connection.company_file, connection.text.encode())


def _company_file(settings: PipelinesSettings, *, company: str) -> Path:
    path = settings.company_path
    if not path.is_dir():
        return path
    files = dict(zip((one.id for one in load_companies(path)), sorted(path.glob("*.toml")), strict=True))
    if not company and len(files) > 1:
        raise Misconfigured(f"{path} holds the companies {', '.join(files)}: name one in --company")
    return files[company or next(iter(files))]


def _begun(new: NewCompany | None, *, company: str, file: Path) -> str:
    if new is None:
        raise Misconfigured(
            f"there is no {file} yet: name the company in --name, its clock in --time-zone (such as Asia/Almaty) and "
            "its country in --region (such as KZ), and it is begun"
        )
    plain = unicodedata.normalize("NFKD", new.name).encode("ascii", "ignore").decode().lower()
    named = {
        "id": company or re.sub(r"[^a-z0-9]+", "-", plain).strip("-0123456789") or "company",
        "name": new.name,
        "time_zone": new.time_zone,
        "default_region": new.region,
    }
    return FIRST_LINES + tomlkit.dumps(named)


def _secret(key: str, kind: Secret, *, file: Path, name: str) -> SecretFile:
    place = file.parent / SECRETS / name
    is_there = place.exists() and place.stat().st_size > 0
    return SecretFile(key=key, file=place, state="kept" if is_there else "made" if kind == "chosen" else "awaited")


def _fields(wanted: Account, *, name: str, secrets: Iterable[SecretFile]) -> dict[str, Any]:
    guide = GUIDES[wanted.source]
    settings = {setting: _as_form(guide.settings.get(setting), values) for setting, values in wanted.settings.items()}
    if problem := settings_problem(settings, guide=guide):
        raise Misconfigured(f"{wanted.source}: {problem}")
    fields: dict[str, Any] = {"id": name, "source": wanted.source}
    channel = wanted.channel or guide.channel
    fields |= {"channel": channel} if channel != "other" else {}
    fields |= {"address": wanted.address} if wanted.address else {}
    for secret in secrets:
        reference = f"file:{SECRETS}/{secret.file.name}"
        fields[secret.key] = [reference] if secret.key == "secrets" else reference
    return fields | ({"settings": settings} if settings else {})


def _as_form(setting: Setting | None, values: Sequence[str]) -> str | bool | list[str]:
    """Give what was written of a setting as its form is; what is of no such form stays, and is refused."""
    if setting and setting.form == "switch" and list(values) in (["true"], ["false"]):
        return values[0] == "true"
    return values[0] if len(values) == 1 else list(values)
