"""A true call as Asterisk's CDR tells it: one row a ring, joined by `linkedid`, as lines of Master.csv or as JSON.

Source: `cdr_csv` and "CDR specification" in Asterisk's documentation. The columns are those that cdr_csv writes with
`loguniqueid`, `loguserfield` and `newcdrcolumns` on; there is no header line, times are local, and who was never
answered has an empty answer time.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from angime.simulator.company import PERSON, TIME_ZONE, Line
from angime.simulator.story import Call, Contact, Leg

Row = dict[str, str | int]
TimedRow = tuple[int, Row]  # when Asterisk writes it, and the row

ZONE = ZoneInfo(TIME_ZONE)
COLUMNS = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata"),
    *("start", "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield"),
    *("peeraccount", "linkedid", "sequence"),
)
TRUNK = "PJSIP/trunk-kz"
_DISPOSITIONS = {"answered": "ANSWERED", "no_answer": "NO ANSWER", "busy": "BUSY", "failed": "FAILED"}


def rows(call: Call, *, line: Line, contact: Contact | None) -> list[TimedRow]:
    """List the rows of a call in the order in which Asterisk writes them."""
    if call.direction == "internal":
        return [_row(call, 0, leg, **_internal(call, leg)) for leg in call.legs]
    if contact is None:
        return []
    written = national(contact.number)
    if call.direction == "outgoing":
        return [_outgoing(call, written=written, line=line)]
    trunk = {
        "src": written,
        "dst": line.number.removeprefix("+7"),
        "dcontext": "from-trunk",
        "clid": f'"{contact.name}" <{written}>',
        "channel": _channel(TRUNK, call, 0),
    }
    told = [
        _row(call, number, leg, **trunk, **_dial(f"PJSIP/{PERSON[leg.operator].extension}", call, number + 1))
        for number, leg in enumerate(call.legs)
    ]
    if call.machine_at is not None:
        told.append(_machine(call, number=len(told), trunk=trunk))
    return told


def csv_lines(written: Sequence[Row]) -> bytes:
    """Write rows as cdr_csv does: text in quotes, numbers bare, an empty time as nothing between two commas."""
    return "".join(",".join(_cell(name, row[name]) for name in COLUMNS) + "\n" for row in written).encode()


def json_rows(written: Sequence[Row]) -> bytes:
    """Write rows as a list of objects, as dialplans and small scripts post them."""
    return json.dumps(list(written), ensure_ascii=False).encode()


def headers(*, token: str, content_type: str) -> dict[str, str]:
    """Show who sends: Asterisk signs nothing, so its script shows a token."""
    return {"content-type": content_type, "authorization": f"Bearer {token}"}


def national(number: str) -> str:
    """Write a number as a Kazakh trunk hands it over: 8 and the national number, foreign ones in full."""
    return f"8{number[2:]}" if number.startswith(("+77", "+76")) else number


def _outgoing(call: Call, *, written: str, line: Line) -> TimedRow:
    extension = PERSON[call.operator or ""].extension
    return _row(
        call,
        0,
        _span(call.began_at, call.answered_at, call.ended_at or call.began_at),
        disposition=_DISPOSITIONS[call.outcome],
        src=str(extension),
        dst=written,
        dcontext="from-internal",
        clid=f'"{line.account}" <{extension}>',
        channel=_channel(f"PJSIP/{extension}", call, 0),
        **_dial(TRUNK, call, 1),
    )


def _internal(call: Call, leg: Leg) -> dict[str, str]:
    caller, called = PERSON[call.operator or ""].extension, PERSON[leg.operator].extension
    return {
        "src": str(caller),
        "dst": str(called),
        "dcontext": "from-internal",
        "clid": f'"{caller}" <{caller}>',
        "channel": _channel(f"PJSIP/{caller}", call, 0),
        **_dial(f"PJSIP/{called}", call, 1),
    }


def _dial(endpoint: str, call: Call, number: int) -> dict[str, str]:
    return {"dstchannel": _channel(endpoint, call, number), "lastapp": "Dial", "lastdata": f"{endpoint},40,tTr"}


def _machine(call: Call, *, number: int, trunk: dict[str, str]) -> TimedRow:
    """A menu, or the voicemail box that takes over when nobody picked up: ANSWERED both, and nobody talked."""
    began_at = call.machine_at or call.began_at
    menu, mailbox = {"lastapp": "WaitExten", "lastdata": "10"}, {"lastapp": "VoiceMail", "lastdata": "600@default,u"}
    return _row(
        call,
        number,
        _span(began_at, began_at, call.ended_at or began_at),
        **trunk,
        dstchannel="",
        **(menu if call.is_menu_only else mailbox),
    )


def _span(began_at: int, answered_at: int | None, ended_at: int) -> Leg:
    """Give the times of a row that rings nobody of ours."""
    return Leg(operator="", rang_at=began_at, answered_at=answered_at, ended_at=ended_at)


def _row(call: Call, number: int, leg: Leg, *, disposition: str = "", **told: str) -> TimedRow:
    """Write a row: `duration` counts from the beginning, `billsec` from whatever answered."""
    answered_at = leg.answered_at
    return leg.ended_at, {
        "accountcode": "",
        **told,
        "start": _local(leg.rang_at),
        "answer": "" if answered_at is None else _local(answered_at),
        "end": _local(leg.ended_at),
        "duration": leg.ended_at - leg.rang_at,
        "billsec": 0 if answered_at is None else leg.ended_at - answered_at,
        "disposition": disposition or ("NO ANSWER" if answered_at is None else "ANSWERED"),
        "amaflags": "DOCUMENTATION",
        "uniqueid": call.id,
        "userfield": "",
        "peeraccount": "",
        "linkedid": call.id,
        "sequence": 10 * int(call.id.partition(".")[2]) + number,
    }


def _channel(endpoint: str, call: Call, number: int) -> str:
    return f"{endpoint}-{(int(call.id.partition('.')[2]) + number) % 16**8:08x}"


def _cell(name: str, value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if name == "answer" and not value:
        return ""
    return '"' + value.replace('"', '""') + '"'


def _local(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, ZONE):%Y-%m-%d %H:%M:%S}"
