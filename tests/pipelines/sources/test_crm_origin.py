"""Origin of the CRMs' requests: HubSpot signs, Bitrix24 sends a token in the body, Kommo one in the address."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from pipelines.sources import SOURCES
from pipelines.sources.contract import Request
from pipelines.sources.proof import refusal

NOW = "2026-03-02T12:00:00.000Z"
MOMENT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OLD, NEW, WRONG = "old-secret", "new-secret", "wrong-secret"
URL = "https://hooks.example.kz/hooks/hubspot/main?team=sales"
BODY = '[{"subscriptionType": "deal.creation", "objectId": 1, "note": "Қайырлы таң 🙏"}]'.encode()


def is_genuine(source: str, asked: Request, *secrets: str) -> bool:
    return not refusal(SOURCES[source], asked, secrets=secrets)


def request(body: bytes, *, url: str = URL, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", url=url, headers=named, body=body, received_at=NOW)


def changed(asked: Request, **fields: object) -> Request:
    return Request(**{**{name: getattr(asked, name) for name in asked.__struct_fields__}, **fields})


def hubspot(body: bytes = BODY, *, secret: str = OLD, moment: datetime = MOMENT, url: str = URL) -> Request:
    told = str(round(moment.timestamp() * 1000))
    signed = f"POST{url}".encode() + body + told.encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
    return request(body, url=url, x_hubspot_signature_v3=signature, x_hubspot_request_timestamp=told)


def kommo(token: str = OLD, *, account: str = "30512345") -> Request:
    url = f"https://hooks.example.kz/hooks/kommo/main{f'?token={token}' if token else ''}"
    body = urlencode({"leads[delete][0][id]": "1", "account[id]": account, "account[subdomain]": "demo"}).encode()
    return request(body, url=url)


def bitrix24(token: str = OLD, *, is_json: bool = False) -> Request:
    if is_json:
        return request(json.dumps({"event": "ONCRMDEALADD", "auth": {"application_token": token}}).encode())
    return request(urlencode({"event": "ONCRMDEALADD", "auth[application_token]": token}).encode())


def test_hubspot_signs_with_either_secret_while_they_rotate() -> None:
    answers = [is_genuine("hubspot", hubspot(secret=secret), OLD, NEW) for secret in (OLD, NEW, WRONG)]

    assert answers == [True, True, False]


def test_without_secrets_or_headers_nothing_is_hubspots() -> None:
    asked = hubspot()
    emptied = changed(asked, headers=dict.fromkeys(asked.headers, ""))

    assert [is_genuine("hubspot", asked, *secrets) for secrets in ((), ("",), (WRONG, ""))] == [False] * 3
    assert [is_genuine("hubspot", one, OLD) for one in (request(BODY), emptied)] == [False] * 2
    assert not is_genuine("hubspot", hubspot(secret=""), "", WRONG)


def test_with_any_byte_of_the_body_flipped_it_is_not_hubspots() -> None:
    asked = hubspot()
    flipped = [BODY[:at] + bytes([BODY[at] ^ bit]) + BODY[at + 1 :] for at in range(len(BODY)) for bit in (0x01, 0x20)]

    assert [body for body in flipped if is_genuine("hubspot", changed(asked, body=body), OLD, NEW)] == []


def test_with_any_character_of_the_signature_changed_it_is_not_hubspots() -> None:
    asked = hubspot()
    proof = asked.headers["x-hubspot-signature-v3"]
    others = [proof[:at] + ("A" if proof[at] != "A" else "B") + proof[at + 1 :] for at in range(len(proof))]
    headers = [{**asked.headers, "x-hubspot-signature-v3": other} for other in others]

    assert [one for one in headers if is_genuine("hubspot", changed(asked, headers=one), OLD)] == []


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_signature_of_another_time_is_stale(seconds: int) -> None:
    assert not is_genuine("hubspot", hubspot(moment=MOMENT + timedelta(seconds=seconds)), OLD)


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_a_signature_of_the_last_minutes_is_fresh(seconds: int) -> None:
    assert is_genuine("hubspot", hubspot(moment=MOMENT + timedelta(seconds=seconds)), OLD)


@pytest.mark.parametrize("written", ["", "soon", "-5", "1e9", "٣", "9" * 20, "1772452800001"])
def test_another_timestamp_is_not_the_one_that_was_signed(written: str) -> None:
    asked = hubspot()
    headers = {**asked.headers, "x-hubspot-request-timestamp": written}

    assert not is_genuine("hubspot", changed(asked, headers=headers), OLD)


def test_hubspot_signs_the_method_and_the_address_with_its_escapes_undone() -> None:
    asked = hubspot(url="https://hooks.example.kz/hooks/hubspot/main?team=a b")

    assert is_genuine("hubspot", changed(asked, url=asked.url.replace(" ", "%20")), OLD)
    assert not is_genuine("hubspot", changed(asked, url=asked.url + "&more=1"), OLD)
    assert not is_genuine("hubspot", changed(asked, method="PUT"), OLD)


def test_kommo_is_known_by_the_token_in_its_address_and_then_by_nothing_else() -> None:
    answers = [is_genuine("kommo", kommo(token), OLD, NEW) for token in (OLD, NEW, WRONG)]

    assert answers == [True, True, False]
    assert not is_genuine("kommo", kommo(WRONG), "30512345")
    assert not is_genuine("kommo", kommo(), "")
    assert not is_genuine("kommo", kommo())


def test_without_a_token_kommo_is_known_by_the_account_in_the_body() -> None:
    answers = [is_genuine("kommo", kommo(""), secret) for secret in ("30512345", "demo", "30512346", "")]

    assert answers == [True, True, False, False]


@pytest.mark.parametrize("is_json", [False, True])
def test_bitrix24_is_known_by_its_application_token(is_json: bool) -> None:
    answers = [is_genuine("bitrix24", bitrix24(token, is_json=is_json), OLD, NEW) for token in (OLD, NEW, WRONG, "")]

    assert answers == [True, True, False, False]
    assert not is_genuine("bitrix24", bitrix24(is_json=is_json), "")
    assert not is_genuine("bitrix24", bitrix24(is_json=is_json))


def test_in_a_list_of_bitrix24_every_event_carries_the_token() -> None:
    events = [{"event": "ONCRMDEALADD", "auth": {"application_token": token}} for token in (OLD, WRONG)]

    assert not is_genuine("bitrix24", request(json.dumps(events).encode()), OLD)
    assert is_genuine("bitrix24", request(json.dumps(events[:1]).encode()), OLD)


@pytest.mark.parametrize("source", ["kommo", "bitrix24", "hubspot"])
@pytest.mark.parametrize("url", ["", "http://[::1", "https://h:port/x", "https://h/\ud800"])
def test_no_request_makes_a_check_fall_over(source: str, url: str) -> None:
    headers = dict.fromkeys(("x-hubspot-signature-v3", "x-hubspot-request-timestamp"), "\ud800")

    for body in (b"\xff=%ff", b"", b"[1]", b"[[]]", b"0=1", b'{"auth": 1}'):
        assert not is_genuine(source, Request(method="POST", url=url, headers=headers, body=body, received_at=NOW), OLD)
