"""How the whole stands: which stages run, how far each is, what the warehouse holds, what waits for a person."""

import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics.landing import letters
from analytics.questions.waiting import waiting
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from angime import forgetting, liveness, presence
from angime.settings import load
from angime.up import STAGES
from dashboards.disk import space
from pipelines.kafka import lag, local_kafka
from pipelines.kafka.broker import Admin
from pipelines.settings import PipelinesSettings
from schemas.counts import so_many
from schemas.errors import Misconfigured, NotYet
from schemas.topics import STREAMED, TOPICS

HEALTH = {**liveness.HEALTH, "api": "/healthz"}
# These look for records several times a second. One that has not for so long is at those that it took, builds facts
# anew, or cannot reach Kafka.
LOOKING = ("normalise", "land")
BUSY_SECONDS = 10.0


def lags(bootstrap: str, *, settings: AnalyticsSettings | None = None) -> list[lag.Lag]:
    """Measure every stage; a warehouse that is not there yet has landed nothing. Raises NotYet while Kafka is away.

    A stage is asked before the one that reads what it writes, and all before Kafka: where nothing waits, all is landed.
    """
    from pipelines import land, normalise
    from streams.app import GROUP as STREAMS

    with closing(Admin(bootstrap)) as admin:
        readings = [
            lag.Reading(normalise.STAGE, (normalise.TOPIC,), admin.committed(normalise.GROUP)),
            lag.Reading("stream", STREAMED, admin.committed(STREAMS)),
            lag.Reading("land", land.TOPICS, landed_offsets(settings or load(AnalyticsSettings))),
        ]
        return lag.measure(admin, readings)


def landed_offsets(settings: AnalyticsSettings) -> dict[tuple[str, int], int]:
    """Give how far the warehouse has landed each partition; nothing where there is no warehouse."""
    try:
        with open_reader(settings) as reader:
            rows = reader.sql('select topic, "partition", max(next_offset) as next from log.offsets group by all')
    except NotYet:
        return {}
    return {(row["topic"], row["partition"]): row["next"] for row in rows.to_dicts()}


def standing() -> dict[str, Any]:
    """Tell, for a person and in one object, how everything stands; what cannot be asked is away, or None."""
    settings = load(PipelinesSettings)
    local = local_kafka.status(settings.home)
    bootstrap = settings.kafka or local.bootstrap or ""
    behind, warehouse = _waiting(bootstrap), _warehouse()
    return {
        "kafka": _kafka(bootstrap, is_lost=local.is_lost),
        **_stages(settings.home, unlanded=_unlanded(behind, landed_at=warehouse.get("as_of"))),
        "waiting": behind,
        "listening": _listening(settings.home),
        "warehouse": warehouse,
        "to_be_forgotten": _to_be_forgotten(),
        "disk": _disk(settings.home),
    }


def _kafka(bootstrap: str, *, is_lost: bool) -> str:
    if not bootstrap:
        return "none runs: the broker ended by itself" if is_lost else "none runs"
    try:
        with closing(Admin(bootstrap)) as admin:
            missing = sorted(set(TOPICS) - set(admin.topics()))
    except (NotYet, Misconfigured) as refusal:
        return refusal.reason
    return f"{bootstrap} lacks the topics {', '.join(missing)}" if missing else bootstrap


def _disk(home: Path) -> dict[str, int]:
    """Tell how many bytes are free, and how many each folder of the home takes, the largest first."""
    if not home.is_dir():
        return {}
    found = space(home)
    return {"free_bytes": found.free_bytes, **{f"{name or 'files'}_bytes": size for name, size in found.folders}}


def _stages(home: Path, *, unlanded: str) -> dict[str, str]:
    """Say of each stage whether it runs here; of those that not everybody needs, only while they do."""
    told: dict[str, str] = {}
    for stage in presence.STAGES:
        said = presence.told(home, stage)
        if said is None:
            if stage in STAGES:
                told[stage] = "none runs here"
        elif stage in HEALTH:
            told[stage] = _answers(said, path=HEALTH[stage])
        else:
            told[stage] = _works(home, stage, unlanded=unlanded)
    return told


def _answers(address: str, *, path: str) -> str:
    code = liveness.status_of(address + path)
    if code is None:
        return f"runs, but does not answer at {address}"
    return f"{'ready' if code == 200 else 'not ready'} at {address}"


def _works(home: Path, stage: str, *, unlanded: str) -> str:
    """Say that a stage runs, and of one that is busy for how long it has not looked for records."""
    seconds = time.time() - presence.last_beat(home, stage)
    if stage not in LOOKING or seconds < BUSY_SECONDS:
        return "runs"
    return f"runs, and has not looked for records for {seconds:.0f} s" + (unlanded if stage == "land" else "")


def _unlanded(behind: dict[str, int] | None, *, landed_at: datetime | None) -> str:
    """Say what waits for a lander, and since when it has landed nothing."""
    records = f"; {so_many(behind['land'], 'record is', 'records are')} not landed yet" if behind else ""
    age = f"; its last commit was {(datetime.now(UTC) - landed_at).total_seconds():.0f} s ago" if landed_at else ""
    return records + age


def _waiting(bootstrap: str) -> dict[str, int] | None:
    if not bootstrap:
        return None
    sums: dict[str, int] = {}
    try:
        for row in lags(bootstrap):
            sums[row.stage] = sums.get(row.stage, 0) + row.waiting
    except (NotYet, Misconfigured):
        return None
    return sums


def _listening(home: Path) -> str:
    """Say whether recordings are listened to."""
    if (found := waiting(home)) is not None:
        return f"waits since {found.since} for its model: {found.reason}"
    model = presence.told(home, "stream")
    if model is None:
        return "nobody here"
    return f"on, by {model}" if model else "off: ANGIME_SPEECH_MODEL was empty as the worker began; recordings are kept"


def _to_be_forgotten() -> dict[str, int] | None:
    """Count what companies keep no longer and what is still there, by kind; None where that cannot be said."""
    counts: dict[str, int] = {}
    try:
        for due in forgetting.look(now=datetime.now(UTC)):
            counts[due.kind] = counts.get(due.kind, 0) + due.waiting
    except (NotYet, Misconfigured):
        return None
    return counts


def _warehouse() -> dict[str, Any]:
    try:
        with open_reader(load(AnalyticsSettings)) as reader:
            [row] = reader.sql("""
                select
                    (select count(*) from log.events) as events,
                    (select count(*) from facts.calls) as calls,
                    (select max(landed_at) from log.offsets) as as_of,
                    (select count(*) from log.conflicts) as conflicts
            """).to_dicts()
            return {**row, "snapshot": reader.snapshot_id(), "dead_letters": letters.counts(reader)}
    except (NotYet, Misconfigured) as refusal:
        return {"away": refusal.reason}
