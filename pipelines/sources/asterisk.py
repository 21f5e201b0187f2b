"""Asterisk: call detail records and channel events, as lines of a file or as JSON, and events of its interface ARI."""

from collections.abc import Sequence

from pipelines.sources.asterisk_ari import is_ari, read_ari
from pipelines.sources.asterisk_calls import read_row
from pipelines.sources.asterisk_channels import is_channel_event, read_channel_event
from pipelines.sources.asterisk_rows import Row, is_json_by_line, rows
from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, items
from pipelines.sources.signatures import holds_token
from pipelines.sources.translations import each, found, ignored
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the token in `Authorization: Bearer …` or `X-Angime-Token`: Asterisk itself signs nothing."""
    return holds_token(request.headers, secrets=secrets, names=("x-angime-token",))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read every row; a broken one is refused by its line, or by its place in the JSON, and the rest goes on."""
    scene = Scene(raw, company, account)
    events = _of_interface(raw.body)
    if events is not None and len(events) == 1:
        return read_ari(scene, events[0][1])
    if events is not None:
        return each(events, lambda _, event: read_ari(scene, event))
    read = rows(raw.body, columns=scene.listed("columns"))
    if not read:
        return ignored("the body holds no rows")
    return each(((row.part, row) for row in read), lambda _, row: _row(scene, row))


def _of_interface(body: bytes) -> list[tuple[str, Fields]] | None:
    """Give the events of ARI that a body holds, one or a list of them; None where it is something else."""
    if body.lstrip()[:1] not in {b"{", b"["} or is_json_by_line(body):
        return None
    value = parse_json(body)
    listed = items({"the body": value}, "the body") if isinstance(value, list) else [value]
    if not listed or not all(map(is_ari, listed)):
        return None
    return [(f"[{at}]" if isinstance(value, list) else "", event) for at, event in enumerate(listed)]


def _row(scene: Scene, row: Row) -> Translation:
    if row.problem:
        raise InvalidEvent(row.problem)
    if is_channel_event(row.columns):
        return read_channel_event(scene, row.columns)
    return found(*read_row(scene, row.columns))


SOURCE = Source(
    name="asterisk",
    title="Asterisk (call detail records, channel events, ARI)",
    capabilities=("calls", "recordings"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="A token of yours, in `Authorization: Bearer …` or in `X-Angime-Token`.",
    proof="chosen",
    channel="phone",
    connect_steps=(
        "In `cdr.conf` set `unanswered = yes`, `loguniqueid = yes` and `newcdrcolumns = yes`, so that rows carry "
        "`linkedid` and `sequence` and can be joined.",
        "Set the account's `time_zone` to the zone in which Asterisk writes (`UTC` with `usegmtime = yes`).",
        "Where Angime runs beside Asterisk name the file in `cdr_file`; else post new lines of `Master.csv`, or rows "
        "as JSON (an object a line, or a list), to `/hooks/asterisk/ACCOUNT` with the token in a header.",
        "Where the dial plan answers before it rings anybody, for a menu, music or a queue, set "
        "`answered_by_instructions` and send channel events (CEL) too: records count from that answer, and channel "
        "events tell when people talked.",
        "Channel events (CEL) may be sent beside them or instead: in `cel.conf` enable CHAN_START, ANSWER, HANGUP, "
        "BRIDGE_ENTER, BLINDTRANSFER, ATTENDEDTRANSFER and LINKEDID_END, and post new lines of cel_custom's "
        "`Master.csv`, or rows as JSON, to the same address. They tell of a call while it goes on.",
        "Records and channel events of the manager interface may be posted as JSON too: name `linkedid` and `sequence` "
        "under `[mappings]` in `cdr_manager.conf`, and set `show_user_defined = yes` under `[manager]` in `cel.conf`.",
        "Events of ARI may be posted there as well, as its WebSocket hands them out: set "
        "`channelvars = CHANNEL(linkedid)` in `ari.conf`, so that they can be joined.",
        "Whichever of records, channel events and ARI are sent, a call is one call, and an operator is counted in it "
        "once; where several are sent, each lists its rings among the call's legs.",
        "Name operators' endpoints as Asterisk does, without the channel's suffix: `PJSIP/101`.",
    ),
    settings={
        "cdr_file": Setting(
            "Path of `Master.csv` on this machine: `angime collect` follows it, through rotation too.",
            form="list",
        ),
        "ari_url": Setting(
            "Address of the REST interface (`http://pbx:8088/ari`): `angime collect` listens to its events. It does "
            "not remember what was missed; the file does, so name both.",
        ),
        "ari_login": Setting("Where its `user:password` lies, as `env:NAME` or `file:PATH`."),
        "columns": Setting(
            "Names of the columns of a custom file, in their order, when it has no header line.",
            form="list",
        ),
        "incoming_contexts": Setting("Contexts of the dial plan that only calls from outside enter.", form="list"),
        "dial_prefix": Setting("Digits that are dialled to get a line out."),
        "recordings_url": Setting(
            "Where the files lie that rows name as their recordings. `{day}` in it is the day on which the call began, "
            "as `2026/03/02`: FreePBX has a folder for each (`https://pbx.example/monitor/{day}/`).",
        ),
        "channel_events": Setting("`alone` when channel events come without call detail records.", allowed=("alone",)),
        "answered_by_instructions": Setting(
            "`true` when the dial plan, or an application of ARI, picks up incoming calls itself before it rings "
            "anybody. Then records alone tell who was reached, and not how long it rang and how long was talked.",
            form="switch",
        ),
        "trunks": Setting("Names of trunks that look like extensions, such as `PJSIP/7000`.", form="list"),
    },
)
