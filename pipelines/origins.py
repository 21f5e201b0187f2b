"""Who may send what: company files, the accounts in them with their source, their secrets, and what they sent."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from pipelines.settings import PipelinesSettings
from pipelines.sources import GUIDES, SOURCES
from pipelines.sources.contract import Source
from pipelines.sources.guide import settings_problem
from schemas.company import Account, Company, parse_company
from schemas.errors import Misconfigured
from schemas.ids import raw_id
from schemas.instants import Instant
from schemas.records import RawRecord
from schemas.secret_references import SecretReference, resolve_secret

MAX_COMPANY_FILE_BYTES = 1024 * 1024


class Origin(Struct, frozen=True, kw_only=True):
    """A connected account: its company, what it is, and the source that speaks for it."""

    company: Company
    account: Account
    source: Source


class Secrets(Struct, frozen=True, kw_only=True):
    """What proves an account's requests; never logged."""

    secrets: tuple[str, ...] = ()
    verify_secret: str | None = None

    def __repr__(self) -> str:
        return "Secrets(…)"


Origins = Mapping[tuple[str, str], Origin]


def raw_record(origin: Origin, body: bytes, *, received_at: Instant, content_type: str = "") -> RawRecord:
    """Make the raw record of a body; the same body of the same account has the same id, by whichever door it came."""
    source, account = origin.account.source, origin.account.id
    return RawRecord(
        raw_id=raw_id(source, account, hashlib.sha256(body).hexdigest()),
        source=source,
        account=account,
        company=origin.company.id,
        received_at=received_at,
        content_type=content_type,
        body=body,
    )


def load_companies(path: Path) -> tuple[Company, ...]:
    """Read a company.toml, or every *.toml of a folder, in the order of their names.

    Raises Misconfigured with one sentence that names the file, where it can the line, and what is wrong.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise Misconfigured(f"{path} holds no *.toml: put a company file there, or set ANGIME_COMPANY")
    return tuple(parse_company(_text_of(file), file=str(file)) for file in files)


def load_origins(settings: PipelinesSettings) -> dict[tuple[str, str], Origin]:
    """Give every account of every company, by source and account id.

    Raises Misconfigured for files that are not right, for a source nobody speaks for, for settings of an account that
    its source does not read, and for an account that stands at two companies, because requests name only the source
    and the account.
    """
    origins: dict[tuple[str, str], Origin] = {}
    for company in load_companies(settings.company_path):
        named = [("[listening.channel_roles]", name) for name in company.listening.channel_roles]
        for whose, name in [*named, *((f"account {one.id!r}", one.source) for one in company.accounts)]:
            if name not in SOURCES:
                raise Misconfigured(
                    f"{whose} of {company.id!r} has the source {name!r}, which is unknown; "
                    f"known are {', '.join(sorted(SOURCES))}"
                )
        for account in company.accounts:
            source = SOURCES[account.source]
            if problem := settings_problem(account.settings, guide=GUIDES[account.source]):
                raise Misconfigured(f"{_named(account)}: {problem}")
            place = (account.source, account.id)
            if place in origins:
                raise Misconfigured(
                    f"account {account.id!r} of {account.source} stands at {origins[place].company.id!r} "
                    f"and at {company.id!r}: give one of them another id"
                )
            origins[place] = Origin(company=company, account=account, source=source)
    return origins


def load_secrets(
    origins: Origins, *, settings: PipelinesSettings, environ: Mapping[str, str] = os.environ
) -> dict[tuple[str, str], Secrets]:
    """Look up the secrets of every account; a relative `file:` lies beside the company file.

    Raises Misconfigured for the first that is missing, naming its account and how to set it.
    """

    def look_up(reference: SecretReference, *, account: Account) -> str:
        return _look_up(reference, whose=_named(account), settings=settings, environ=environ)

    return {
        place: Secrets(
            secrets=tuple(look_up(reference, account=origin.account) for reference in origin.account.secrets),
            verify_secret=(
                look_up(origin.account.verify_secret, account=origin.account) if origin.account.verify_secret else None
            ),
        )
        for place, origin in origins.items()
    }


def prove_secrets(settings: PipelinesSettings, *, environ: Mapping[str, str] = os.environ) -> None:
    """Look for every secret that companies name: of accounts, of recordings, and of channels to which alerts go.

    Raises Misconfigured as `load_secrets` does.
    """
    load_secrets(load_origins(settings), settings=settings, environ=environ)
    for company in load_companies(settings.company_path):
        used = {name for rule in company.alerts.rules for name in rule.to}
        named = [(_named(account), account.fetch_secret) for account in company.accounts]
        for channel in company.alerts.channels:
            if channel.id in used:
                named += [(f"alert channel {channel.id!r}", one) for one in (channel.url, channel.secret)]
        for whose, reference in named:
            if reference:
                _look_up(reference, whose=whose, settings=settings, environ=environ)


def _named(account: Account) -> str:
    return f"account {account.id!r} of {account.source}"


def _look_up(reference: SecretReference, *, whose: str, settings: PipelinesSettings, environ: Mapping[str, str]) -> str:
    path = settings.company_path
    folder = path if path.is_dir() else path.parent
    kind, _, name = reference.partition(":")
    whole = f"file:{(folder / name).absolute()}" if kind == "file" else reference
    try:
        return resolve_secret(whole, environ=environ, read=lambda file: Path(file).read_text(encoding="utf-8"))
    except Misconfigured as error:
        raise Misconfigured(f"{whose}: {error.reason}") from None


def _text_of(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MAX_COMPANY_FILE_BYTES:
            raise Misconfigured(f"{file} is {size} bytes; a company file has at most {MAX_COMPANY_FILE_BYTES}")
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Misconfigured(f"{file} is no text in UTF-8") from None
    except OSError:
        raise Misconfigured(
            f"the company file {file} cannot be read: `angime connect SOURCE` begins one, "
            "or set ANGIME_COMPANY to yours"
        ) from None
