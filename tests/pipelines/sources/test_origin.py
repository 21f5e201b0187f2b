"""Origin: requests signed by independent signers are genuine, and nothing else is."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import jwt
import pytest
from nacl.signing import SigningKey
from standardwebhooks.webhooks import Webhook
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from pipelines.sources import SOURCES
from pipelines.sources.contract import Request
from pipelines.sources.proof import refusal

NOW = "2026-03-02T12:00:00.000Z"
MOMENT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OLD, NEW, WRONG = "old-secret", "new-secret", "wrong-secret"
URL = "https://hooks.example.kz/hooks/twilio/main?team=сату&empty="
FORM = {"CallSid": "CA1", "From": "+77011234567", "Body": "Сәлем 🙏 & co", "Empty": ""}
JSON_BODY = '{"entry": [], "text": "Қайырлы таң"}'.encode()
KEY = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
TELNYX, OTHER_TELNYX = SigningKey(b"0123456789abcdef0123456789abcdef"), SigningKey(b"fedcba9876543210fedcba9876543210")
JUSTCALL_URL = "https://hooks.example.kz/hooks/justcall/main"
LONG, OTHER_LONG = "a signature secret of 512 bits, or more" * 2, "another signature secret of 512 bits" * 2
OTHER_KEY = "whsec_" + base64.b64encode(b"another key of 24 bytes.").decode()


def request(body: bytes, *, url: str = URL, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", url=url, headers=named, body=body, received_at=NOW)


def is_genuine(source: str, asked: Request, *secrets: str, now: str = NOW) -> bool:
    return not refusal(SOURCES[source], Request(**told(asked) | {"received_at": now}), secrets=secrets)


def meta(body: bytes = JSON_BODY, *, secret: str = OLD) -> Request:
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    return request(body, x_hub_signature_256=f"sha256={digest}")


def twilio(fields: dict[str, str] = FORM, *, secret: str = OLD, url: str = URL) -> Request:
    signature = RequestValidator(secret).compute_signature(url, fields)
    body = urlencode(fields).encode()
    return request(
        body, url=url, x_twilio_signature=signature, content_type="application/x-www-form-urlencoded; charset=utf-8"
    )


def twilio_json(body: bytes = JSON_BODY, *, secret: str = OLD) -> Request:
    url = f"https://hooks.example.kz/hooks/twilio/main?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator(secret).compute_signature(url, {})
    return request(body, url=url, x_twilio_signature=signature, content_type="application/json")


def webhook(body: bytes = JSON_BODY, *, secret: str = KEY, moment: datetime = MOMENT) -> Request:
    signature = Webhook(secret).sign("msg_1", moment, body.decode())
    return request(
        body, webhook_id="msg_1", webhook_timestamp=str(int(moment.timestamp())), webhook_signature=signature
    )


def token(source_token: str = OLD) -> Request:
    return request(JSON_BODY, authorization=f"Bearer {source_token}")


def waha(body: bytes = JSON_BODY, *, secret: str = OLD) -> Request:
    digest = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
    return request(body, x_webhook_hmac=digest, x_webhook_hmac_algorithm="sha512", x_webhook_timestamp="1772452800000")


def ycloud(body: bytes = JSON_BODY, *, secret: str = OLD, moment: datetime = MOMENT) -> Request:
    stamp = int(moment.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return request(body, ycloud_signature=f"t={stamp},s={digest}")


def telnyx(body: bytes = JSON_BODY, *, key: SigningKey = TELNYX, moment: datetime = MOMENT) -> Request:
    stamp = str(int(moment.timestamp()))
    signature = base64.b64encode(key.sign(f"{stamp}|".encode() + body).signature).decode()
    return request(body, telnyx_signature_ed25519=signature, telnyx_timestamp=stamp)


def public(key: SigningKey) -> str:
    return base64.b64encode(bytes(key.verify_key)).decode()


def vonage(
    body: bytes = JSON_BODY, *, secret: str = LONG, moment: datetime = MOMENT, algorithm: str = "HS256", **more: object
) -> Request:
    told = {"iat": int(moment.timestamp()), "jti": "1", "iss": "Vonage", "api_key": "a1", "application_id": "b2"}
    told |= {"payload_hash": hashlib.sha256(body).hexdigest()} | more
    token = jwt.encode(told, secret if algorithm != "none" else None, algorithm=algorithm)
    return request(body, authorization=f"Bearer {token}")


def vonage_signed_with_nothing() -> Request:
    """Sign with an empty key, as the library does not."""
    signed = vonage().headers["authorization"].removeprefix("Bearer ").rpartition(".")[0]
    digest = base64.urlsafe_b64encode(hmac.digest(b"", signed.encode(), "sha256")).rstrip(b"=").decode()
    return request(JSON_BODY, authorization=f"Bearer {signed}.{digest}")


def justcall(
    *, secret: str = OLD, moment: datetime = MOMENT, address: str = JUSTCALL_URL, kind: str = "call.completed"
) -> Request:
    """Sign as JustCall's page on dynamic signatures does: the address as `encodeURIComponent` writes it."""
    stamp = str(int(moment.timestamp()))
    told = "|".join([secret, address.replace(":", "%3A").replace("/", "%2F"), kind, stamp])
    digest = hmac.new(secret.encode(), told.encode(), hashlib.sha256).hexdigest()
    body = json.dumps({"webhook_url": address, "type": kind, "data": {}}).encode()
    return request(body, url=JUSTCALL_URL, x_justcall_signature=digest, x_justcall_request_timestamp=stamp)


def password(secret: str = OLD) -> Request:
    return request(JSON_BODY, authorization="Basic " + base64.b64encode(f"angime:{secret}".encode()).decode())


def told(asked: Request) -> dict[str, object]:
    return {name: getattr(asked, name) for name in asked.__struct_fields__}


def with_body(asked: Request, body: bytes) -> Request:
    return Request(**{**told(asked), "body": body})


def with_header(asked: Request, name: str, value: str) -> Request:
    return Request(**{**told(asked), "headers": {**asked.headers, name: value}})


SIGNED = {
    "justcall": (justcall(), justcall(secret=NEW), OLD, NEW),
    "freeswitch token": (token(), token(NEW), OLD, NEW),
    "ycloud": (ycloud(), ycloud(secret=NEW), OLD, NEW),
    "telnyx": (telnyx(), telnyx(key=OTHER_TELNYX), public(TELNYX), public(OTHER_TELNYX)),
    "vonage": (vonage(), vonage(secret=OTHER_LONG), LONG, OTHER_LONG),
    "green_api token": (token(), token(NEW), OLD, NEW),
    "waha": (waha(), waha(secret=NEW), OLD, NEW),
    "waha token": (token(), token(NEW), OLD, NEW),
    "evolution token": (token(), token(NEW), OLD, NEW),
    "whatsapp_cloud": (meta(), meta(secret=NEW), OLD, NEW),
    "twilio form": (twilio(), twilio(secret=NEW), OLD, NEW),
    "twilio json": (twilio_json(), twilio_json(secret=NEW), OLD, NEW),
    "asterisk token": (token(), token(NEW), OLD, NEW),
    "ingest token": (token(), token(NEW), OLD, NEW),
    "ingest signature": (webhook(), webhook(secret=OTHER_KEY), KEY, OTHER_KEY),
}
SCHEMES = sorted(SIGNED)
# JustCall signs the address, the kind and the time of a request, and not its body.
WHOLE = [scheme for scheme in SCHEMES if "token" not in scheme and scheme != "justcall"]
PROOFS = {
    "x-justcall-signature",
    "ycloud-signature",
    "telnyx-signature-ed25519",
    "x-hub-signature-256",
    "x-twilio-signature",
    "webhook-signature",
    "authorization",
    "x-webhook-hmac",
}


def source_of(scheme: str) -> str:
    return scheme.partition(" ")[0]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_secrets_are_right_while_they_rotate(scheme: str) -> None:
    with_old, with_new, old, new = SIGNED[scheme]

    answers = [is_genuine(source_of(scheme), asked, old, new) for asked in (with_old, with_new)]

    assert answers == [True, True]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_secret_an_empty_one_and_none_are_wrong(scheme: str) -> None:
    asked = SIGNED[scheme][0]

    assert [is_genuine(source_of(scheme), asked, *secrets) for secrets in ((WRONG,), ("",), (), (WRONG, ""))] == (
        [False] * 4
    )


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("justcall", justcall(secret="")),
        ("ycloud", ycloud(secret="")),
        ("waha", waha(secret="")),
        ("whatsapp_cloud", meta(secret="")),
        ("twilio", twilio(secret="")),
        ("twilio", twilio_json(secret="")),
        ("vonage", vonage_signed_with_nothing()),
        ("asterisk", token("")),
    ],
)
def test_what_anybody_can_sign_with_an_empty_secret_is_not_genuine(source: str, asked: Request) -> None:
    assert not is_genuine(source, asked, "", WRONG)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_its_headers_or_with_empty_ones_a_request_is_not_genuine(scheme: str) -> None:
    asked, _, old, new = SIGNED[scheme]
    bare = request(asked.body, url=asked.url)
    emptied = Request(
        method="POST", url=asked.url, headers=dict.fromkeys(asked.headers, ""), body=asked.body, received_at=NOW
    )

    assert [is_genuine(source_of(scheme), one, old, new) for one in (bare, emptied)] == [False, False]


@pytest.mark.parametrize("scheme", WHOLE)
def test_with_any_byte_of_the_body_flipped_a_request_is_not_genuine(scheme: str) -> None:
    asked, _, old, new = SIGNED[scheme]
    accepted = [
        position
        for position in range(len(asked.body))
        for bit in (0x01, 0x20)
        if is_genuine(source_of(scheme), with_body(asked, flipped(asked.body, position, bit)), old, new)
        and fields(flipped(asked.body, position, bit)) != fields(asked.body)
    ]

    assert accepted == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_with_any_character_of_the_proof_changed_a_request_is_not_genuine(scheme: str) -> None:
    asked, _, old, new = SIGNED[scheme]
    header = next(name for name in asked.headers if name in PROOFS)
    proof = asked.headers[header]
    start = proof.index(" ") + 1 if " " in proof else proof.rindex("=", 0, 20) + 1 if "=" in proof[:20] else 0
    changed = [proof[:at] + ("A" if proof[at] != "A" else "B") + proof[at + 1 :] for at in range(start, len(proof))]

    assert [one for one in changed if is_genuine(source_of(scheme), with_header(asked, header, one), old, new)] == []


def test_twilio_signs_the_address_with_or_without_the_default_port() -> None:
    bare, ported = "https://hooks.example.kz/hooks/twilio/main", "https://hooks.example.kz:443/hooks/twilio/main"
    asked = twilio(url=ported)

    assert is_genuine("twilio", Request(**{**told(asked), "url": bare}), OLD)
    assert is_genuine("twilio", Request(**{**told(twilio(url=bare)), "url": ported}), OLD)


def test_another_query_is_not_the_address_twilio_signed() -> None:
    assert not is_genuine("twilio", Request(**{**told(twilio()), "url": URL + "&more=1"}), OLD)


def test_twilio_signs_fields_that_repeat() -> None:
    body = b"Media=b&Media=a&CallSid=CA1"
    signature = RequestValidator(OLD).compute_signature(URL, ImmutableMultiDict(parse_qsl(body.decode())))

    assert is_genuine("twilio", request(body, x_twilio_signature=signature), OLD)


def test_twilio_may_sign_with_a_shared_key_and_a_stronger_hash() -> None:
    asked = twilio()
    signature = RequestValidator(OLD).compute_signature(URL, FORM, algorithm="HMAC_SHA256")
    strong = with_header(asked, "x-twilio-signature", signature)
    settings = "x-twilio-webhooks-signature-settings"

    answers = [
        is_genuine("twilio", with_header(strong, settings, f"key=SK1,algorithm={name}"), OLD)
        for name in ("HMAC_SHA256", "HMAC_SHA1", "HMAC_MD5")
    ]

    assert answers == [True, False, False]


def test_a_json_body_whose_hash_nobody_signed_is_not_twilios() -> None:
    signature = RequestValidator(OLD).compute_signature(URL, {})
    asked = request(JSON_BODY, x_twilio_signature=signature, content_type="application/json")

    assert not is_genuine("twilio", asked, OLD)


TIMED = {
    "ingest": (webhook, KEY),
    "ycloud": (ycloud, OLD),
    "telnyx": (telnyx, public(TELNYX)),
    "vonage": (vonage, LONG),
    "justcall": (justcall, OLD),
}


@pytest.mark.parametrize("source", sorted(TIMED))
@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_signature_of_another_time_is_stale(source: str, seconds: int) -> None:
    sign, secret = TIMED[source]

    assert not is_genuine(source, sign(moment=MOMENT + timedelta(seconds=seconds)), secret)


@pytest.mark.parametrize("source", sorted(TIMED))
@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_a_signature_of_the_last_minutes_is_fresh(source: str, seconds: int) -> None:
    sign, secret = TIMED[source]

    assert is_genuine(source, sign(moment=MOMENT + timedelta(seconds=seconds)), secret)


@pytest.mark.parametrize(
    "asked",
    [
        justcall(address="https://elsewhere.example/hooks/justcall/other"),
        with_body(justcall(), justcall(kind="call.missed").body),
        with_body(justcall(), justcall(address="https://hooks.example.kz/hooks/justcall/mail").body),
        with_body(justcall(), b"{}"),
        with_body(justcall(), b"not json"),
    ],
)
def test_what_justcall_signs_cannot_be_moved_to_another_address_or_kind(asked: Request) -> None:
    assert not is_genuine("justcall", asked, OLD)


def test_justcall_may_sign_a_clock_in_utc() -> None:
    told = justcall()
    stamp = "2026-03-02 12:00:00"
    signed = "|".join([OLD, JUSTCALL_URL.replace(":", "%3A").replace("/", "%2F"), "call.completed", stamp])
    digest = hmac.new(OLD.encode(), signed.encode(), hashlib.sha256).hexdigest()
    clocked = with_header(with_header(told, "x-justcall-signature", digest), "x-justcall-request-timestamp", stamp)

    assert is_genuine("justcall", clocked, OLD)
    assert not is_genuine("justcall", clocked, OLD, now="2026-03-02T13:00:00.000Z")


def test_freeswitch_may_be_given_the_user_with_the_password() -> None:
    assert is_genuine("freeswitch", password(), f"angime:{OLD}")
    assert [is_genuine("freeswitch", password(given), OLD, NEW) for given in (OLD, NEW, WRONG, "")] == [
        *(True, True),
        *(False, False),
    ]
    assert not is_genuine("freeswitch", password(""), "")
    assert not is_genuine("freeswitch", password(), "angime")
    assert not is_genuine("freeswitch", request(b"", authorization="Basic ???"), OLD)


def test_ycloud_may_count_milliseconds() -> None:
    stamp = int(MOMENT.timestamp() * 1000)
    digest = hmac.new(OLD.encode(), f"{stamp}.".encode() + JSON_BODY, hashlib.sha256).hexdigest()

    assert is_genuine("ycloud", request(JSON_BODY, ycloud_signature=f"t={stamp},s={digest}"), OLD)


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_a_token_that_names_another_algorithm_proves_nothing(algorithm: str) -> None:
    assert not is_genuine("vonage", vonage(algorithm=algorithm), LONG)


@pytest.mark.parametrize("more", [{"payload_hash": None}, {"payload_hash": "00"}, {"iat": None}, {"iat": "soon"}])
def test_a_token_without_the_bodys_hash_or_its_time_proves_nothing(more: dict[str, object]) -> None:
    assert not is_genuine("vonage", vonage(**more), LONG)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "e30.e30.e30", "x" * 9000])
def test_what_is_no_token_proves_nothing(token: str) -> None:
    assert not is_genuine("vonage", request(JSON_BODY, authorization=f"Bearer {token}"), LONG)


@pytest.mark.parametrize("key", ["", "not base64!", "AAAA", "A" * 44])
def test_what_is_no_public_key_proves_nothing(key: str) -> None:
    assert not is_genuine("telnyx", telnyx(), key)


@pytest.mark.parametrize("written", ["", "soon", "-5", "1e9", "٣", "99999999999999999999"])
def test_a_timestamp_that_is_none_is_not_genuine(written: str) -> None:
    assert not is_genuine("ingest", with_header(webhook(), "webhook-timestamp", written), KEY)


def test_a_broken_signature_is_not_saved_by_a_token() -> None:
    asked = with_header(with_header(webhook(), "webhook-signature", "v1,AAAA"), "authorization", f"Bearer {KEY}")

    assert not is_genuine("ingest", asked, KEY)


def test_attributes_in_headers_are_proved_by_a_token_alone() -> None:
    signed, trusted = (with_header(one, "ce-specversion", "1.0") for one in (webhook(), token(KEY)))

    assert [is_genuine("ingest", one, KEY) for one in (signed, trusted)] == [False, True]
    assert is_genuine("ingest", with_header(signed, "content-type", "application/cloudevents+json"), KEY)


def test_one_of_several_signatures_is_enough() -> None:
    asked = webhook()
    signatures = f"v1,AAAA v2,zzzz {asked.headers['webhook-signature']}"

    assert is_genuine("ingest", with_header(asked, "webhook-signature", signatures), KEY)


def test_a_broken_hmac_of_waha_is_not_saved_by_a_token() -> None:
    asked = with_header(waha(), "authorization", f"Bearer {OLD}")

    assert is_genuine("waha", asked, OLD)
    assert not is_genuine("waha", with_header(asked, "x-webhook-hmac", "00"), OLD)
    assert not is_genuine("waha", with_header(asked, "x-webhook-hmac-algorithm", "md5"), OLD)


def test_evolution_may_send_its_key_in_the_body() -> None:
    body = f'{{"event": "call", "apikey": "{OLD}"}}'.encode()

    answers = [is_genuine("evolution", request(body), *secrets) for secrets in ((OLD,), (NEW, OLD), (NEW,), ("",), ())]

    assert answers == [True, True, False, False, False]
    assert not is_genuine("evolution", request(b'{"apikey": ""}'), "")
    assert not is_genuine("evolution", request(b"not json"), OLD)


def test_asterisk_may_send_its_token_in_a_header_of_ours() -> None:
    assert is_genuine("asterisk", request(b"", x_angime_token=OLD), OLD)


@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("url", ["", "http://[::1", "https://h:port/x", "https://h/\ud800"])
def test_no_address_and_no_header_makes_a_check_fall_over(source: str, url: str) -> None:
    odd = dict.fromkeys(PROOFS, "\ud800")

    assert not SOURCES[source].is_genuine(
        Request(method="POST", url=url, headers=odd, body=b"\xff=%ff", received_at=NOW), secrets=(OLD,)
    )


def flipped(body: bytes, position: int, bit: int) -> bytes:
    return body[:position] + bytes([body[position] ^ bit]) + body[position + 1 :]


def fields(body: bytes) -> object:
    """Give what a form says: `%2b` and `%2B` are the same form, and are signed alike."""
    return sorted(parse_qsl(body.decode("latin-1"), keep_blank_values=True)) if b"CallSid" in body else body
