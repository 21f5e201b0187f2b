"""FreeSWITCH: call detail records of mod_json_cdr, one for each leg, as posted or as lying in files."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.forms import form_pairs
from pipelines.sources.freeswitch_calls import read_leg
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, as_object, items
from pipelines.sources.signatures import holds_password, holds_token
from pipelines.sources.translations import each, ignored, numbered
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

MAX_TEXT = 65_536

_OPENING = (b"{", b"[")


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check basic authentication (`cred` of mod_json_cdr), or a token: FreeSWITCH itself signs nothing."""
    by_password = holds_password(request.headers, secrets=secrets)
    return holds_token(request.headers, secrets=secrets, names=("x-angime-token",)) or by_password


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read a record, or a list of them, each by itself; values may be percent-encoded, and the whole be a form."""
    scene = Scene(raw, company, account)
    body = parse_json(_json_of(raw.body))
    if not isinstance(body, list):
        return _record(scene, body)
    listed = items({"the body": body}, "the body")
    if not listed:
        return ignored("the body holds no records")
    return each(numbered("", listed), lambda _, one: _record(scene, one))


def _json_of(body: bytes) -> bytes:
    """Take the record out of the form `cdr=…` in which it is posted, percent-encoded or in base64."""
    if body.lstrip()[:1] in _OPENING:
        return body
    told = dict(form_pairs(body)).get("cdr")
    if told is None:
        raise InvalidEvent("the body is neither JSON nor a form with `cdr`")
    return _record_in(told)


def _record_in(told: str) -> bytes:
    if told.lstrip()[:1] in {"{", "["}:
        return told.encode(errors="replace")
    try:
        return base64.b64decode(told.strip().replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEvent("cdr is neither JSON nor base64") from None


def _record(scene: Scene, value: Any) -> Translation:
    record = as_object(value, what="the record")
    if isinstance(record.get("cdr"), str):  # the fields of the form, decoded
        record = as_object(parse_json(_record_in(str(record["cdr"]))), what="cdr")
    if "variables" not in record and "callflow" not in record:
        raise InvalidEvent("the record has neither variables nor callflow")
    return read_leg(scene, _decoded(record))


def _decoded(value: Any) -> Any:
    """Undo the percent-encoding of values, which mod_json_cdr applies or not (`encode-values`)."""
    if isinstance(value, str):
        return unquote(value, errors="replace") if "%" in value and len(value) <= MAX_TEXT else value
    if isinstance(value, list):
        return [_decoded(one) for one in items({"list": value}, "list")]
    if isinstance(value, dict):
        fields: Fields = as_object(value, what="the record")
        return {name: _decoded(one) for name, one in fields.items()}
    return value


SOURCE = Source(
    name="freeswitch",
    title="FreeSWITCH (call detail records)",
    capabilities=("calls", "recordings"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="Basic authentication (`cred` of mod_json_cdr; the secret is `user:password` or the password), or a "
    "token in `Authorization: Bearer …` or `X-Angime-Token`.",
    proof="chosen",
    channel="phone",
    connect_steps=(
        "In `json_cdr.conf.xml` set `url` to `/hooks/freeswitch/ACCOUNT`, `cred` to a user and a long password, and "
        "write the password where `secrets` points.",
        "Keep `log-b-leg` at `true`: legs tell which operators rang, who talked, and how long. Without them a call is "
        "counted all the same, by its caller's record.",
        "Operators of mod_callcenter are known by their extensions, whatever it calls them; one who sits behind a "
        "trunk (`sofia/gateway/…`) is known where his number is written as his endpoint.",
        "What rang behind a `loopback` is left out: FreeSWITCH does not tell of which call it is, and the loopback's "
        "outer half, or the caller's record, stands for it. For the same reason calls of operators into a conference "
        "are internal, and only its caller's call is counted.",
        "Leave `retries` above 0: what was not taken is sent again, and counts once.",
        "Write operators' endpoints as FreeSWITCH dials them: the extension, such as `1001`.",
    ),
    settings={
        "cdr_folder": Setting(
            "Folder on this machine into which mod_json_cdr writes (`log-dir`): `angime collect` follows it.",
            form="list",
        ),
        "recordings_url": Setting("Where the files lie that `record_name` names."),
        "trunks": Setting(
            "Names of gateways and profiles that lead outside, beside `external` and every gateway.",
            form="list",
        ),
    },
)
