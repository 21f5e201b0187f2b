"""Asterisk: call detail records as lines of `Master.csv` or of a custom file, or as JSON."""

from collections.abc import Sequence

from pipelines.sources.asterisk_calls import read_row
from pipelines.sources.asterisk_rows import Row, rows
from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide
from pipelines.sources.signatures import holds_token
from pipelines.sources.translations import attempt, found, ignored, joined
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.instants import Instant
from schemas.records import RawRecord


def is_genuine(request: Request, *, secrets: Sequence[str], now: Instant) -> bool:  # noqa: ARG001  # no time is signed
    """Check the token in `Authorization: Bearer …` or `X-Angime-Token`: Asterisk itself signs nothing."""
    return holds_token(request.headers, secrets=secrets, names=("x-angime-token",))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read every row; a broken one is refused by its line, or by its place in the JSON, and the rest goes on."""
    scene = Scene(raw, company, account)
    columns = account.settings.get("columns", [])
    read = rows(raw.body, columns=tuple(columns) if isinstance(columns, list) else ())
    if not read:
        return ignored("the body holds no rows")
    return joined(attempt(row.part, lambda row=row: _row(scene, row)) for row in read)


def _row(scene: Scene, row: Row) -> Translation:
    if row.problem:
        raise InvalidEvent(row.problem)
    return found(*read_row(scene, row.columns))


SOURCE = Source(
    name="asterisk",
    title="Asterisk (call detail records)",
    capabilities=("calls", "recordings"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="A token of yours, in `Authorization: Bearer …` or in `X-Angime-Token`.",
    connect_steps=(
        "In `cdr.conf` set `unanswered = yes`, `loguniqueid = yes` and `newcdrcolumns = yes`, so that rows carry "
        "`linkedid` and `sequence` and can be joined.",
        "Set the account's `time_zone` to the zone in which Asterisk writes (`UTC` with `usegmtime = yes`).",
        "Post new lines of `Master.csv`, or rows as JSON, to `/hooks/asterisk/ACCOUNT` with the token in a header.",
        "Name operators' endpoints as Asterisk does, without the channel's suffix: `PJSIP/101`.",
    ),
    settings={
        "columns": "Names of the columns of a custom file, in their order, when it has no header line.",
        "incoming_contexts": "Contexts of the dial plan that only calls from outside enter.",
        "dial_prefix": "Digits that are dialled to get a line out.",
        "recordings_url": "Where the files lie that rows name as their recordings.",
        "trunks": "Names of trunks that look like extensions, such as `PJSIP/7000`.",
    },
)
