"""What a demo leaves in its home: the company's file, the secrets, and which story was told."""

import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from angime.simulator.company import MARK, company_toml, secret_files
from pipelines.whole_files import write_private
from schemas.counts import so_many
from schemas.errors import Misconfigured

DAY_SECONDS = 86_400


class Told(Struct, frozen=True, kw_only=True):
    """Which story a home holds; the same story again changes nothing there. `recordings_port` 0 is not yet chosen."""

    seed: int
    now: int
    days: int
    calls: int
    recordings_port: int = 0


def recall(home: Path, *, seed: int, days: int, calls: int) -> Told:
    """Give the story that this home holds, or a new one that ends now.

    Raises Misconfigured when the home is somebody's own, or holds another story.
    """
    company_file = home / "company.toml"
    if company_file.exists() and not company_file.read_text(encoding="utf-8").startswith(MARK):
        raise Misconfigured(
            f"{company_file} is a company of yours; give the demo a home of its own: ANGIME_HOME=.angime-demo"
        )
    wished = Told(seed=seed, now=int(time.time()), days=days, calls=calls)
    file = _told_file(home)
    if not file.exists():
        return wished
    told = msgspec.json.decode(file.read_bytes(), type=Told)
    if (told.seed, told.days, told.calls) != (seed, days, calls):
        raise Misconfigured(
            f"{home} holds the demo of seed {told.seed}, {so_many(told.days, 'day')}, {so_many(told.calls, 'call')}; "
            "ask for the same, or delete the folder"
        )
    return told


def furnish(home: Path, *, told: Told, recordings_host: str) -> None:
    """Write the company's file, its secrets (readable by the owner alone) and which story is told."""
    home.mkdir(parents=True, exist_ok=True)
    secrets_folder = home.absolute() / "secrets"
    for file, secret in secret_files(secrets_folder, seed=told.seed).items():
        write_private(file, f"{secret}\n")
    text = company_toml(
        secrets_folder=secrets_folder,
        recordings_host=recordings_host,
        first_day=datetime.fromtimestamp(told.now - told.days * DAY_SECONDS, UTC).date(),
        last_day=datetime.fromtimestamp(told.now + DAY_SECONDS, UTC).date(),
    )
    (home / "company.toml").write_text(text, encoding="utf-8")
    _told_file(home).write_bytes(msgspec.json.encode(told))


def _told_file(home: Path) -> Path:
    return home / "demo.json"
