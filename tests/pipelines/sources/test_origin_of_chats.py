"""Origin of chat providers' requests: signed or carrying the shared secret they are genuine, and nothing else is."""

import hashlib
import hmac
import json

import pytest

from pipelines.sources import SOURCES
from pipelines.sources.contract import Answer, Request
from pipelines.sources.proof import refusal

NOW = "2026-03-02T12:00:00.000Z"
OLD, NEW, WRONG = "old-secret", "new-secret", "wrong-secret"
BODY = '{"text": "Қайырлы таң 🙏"}'.encode()


def request(body: bytes = BODY, *, query: str = "", method: str = "POST", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"https://hooks.example.kz/hooks/any/main{query}"
    return Request(method=method, url=url, headers=named, body=body, received_at=NOW)


def hub(secret: str) -> Request:
    digest = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    return request(x_hub_signature_256=f"sha256={digest}")


def telegram(secret: str) -> Request:
    return request(x_telegram_bot_api_secret_token=secret)


def viber(secret: str) -> Request:
    return request(x_viber_content_signature=hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest())


def vk(secret: str) -> Request:
    return request(json.dumps({"type": "message_new", "object": {}, "secret": secret}).encode())


def bearer(secret: str) -> Request:
    return request(authorization=f"Bearer {secret}")


def in_address(secret: str) -> Request:
    return request(query=f"?team=1&token={secret}")


SCHEMES = {
    "messenger": hub,
    "instagram": hub,
    "telegram": telegram,
    "viber": viber,
    "vk": vk,
    "pact": in_address,
    "wazzup": bearer,
    "umnico": in_address,
    "radist": in_address,
    "chatapp": in_address,
}
SHARED = ["pact", "wazzup", "umnico", "radist", "chatapp"]
SIGNED = ["messenger", "instagram", "viber"]


def is_genuine(source: str, asked: Request, *secrets: str) -> bool:
    return not refusal(SOURCES[source], asked, secrets=secrets)


def changed(asked: Request, **fields: object) -> Request:
    return Request(**({name: getattr(asked, name) for name in asked.__struct_fields__} | fields))


@pytest.mark.parametrize("source", SCHEMES)
def test_both_secrets_are_right_while_they_rotate(source: str) -> None:
    sign = SCHEMES[source]

    assert [is_genuine(source, sign(secret), OLD, NEW) for secret in (OLD, NEW)] == [True, True]


@pytest.mark.parametrize("source", SCHEMES)
def test_another_secret_an_empty_one_and_none_are_wrong(source: str) -> None:
    sign = SCHEMES[source]
    empty = sign("")

    assert [is_genuine(source, sign(OLD), *secrets) for secrets in ((WRONG,), ("",), (), (WRONG, ""))] == [False] * 4
    assert [is_genuine(source, empty, *secrets) for secrets in (("",), (OLD, ""), ())] == [False] * 3


@pytest.mark.parametrize("source", SCHEMES)
def test_without_its_proof_or_with_an_empty_one_a_request_is_not_genuine(source: str) -> None:
    asked = SCHEMES[source](OLD)
    bare = request(b"{}")
    emptied = changed(bare, headers=dict.fromkeys(asked.headers, ""))

    assert [is_genuine(source, one, OLD) for one in (bare, emptied)] == [False, False]


@pytest.mark.parametrize("source", SCHEMES)
def test_with_any_character_of_the_proof_changed_a_request_is_not_genuine(source: str) -> None:
    asked = SCHEMES[source](OLD)
    for name, proof in asked.headers.items():
        tampered = [proof[:at] + ("Z" if proof[at] != "Z" else "Y") + proof[at + 1 :] for at in range(len(proof))]
        accepted = [one for one in tampered if is_genuine(source, changed(asked, headers={name: one}), OLD)]

        assert accepted == []


@pytest.mark.parametrize("source", SIGNED)
def test_with_any_byte_of_the_body_flipped_a_request_is_not_genuine(source: str) -> None:
    asked = SCHEMES[source](OLD)
    bodies = [BODY[:at] + bytes([BODY[at] ^ bit]) + BODY[at + 1 :] for at in range(len(BODY)) for bit in (0x01, 0x20)]

    assert [body for body in bodies if is_genuine(source, changed(asked, body=body), OLD)] == []


@pytest.mark.parametrize("source", ["messenger", "instagram"])
def test_metas_challenge_is_answered_to_who_knows_the_token(source: str) -> None:
    asked = [
        request(b"", method="GET", query=f"?hub.mode=subscribe&hub.challenge=115820&hub.verify_token={token}")
        for token in ("t", "x")
    ]
    answers = [SOURCES[source].handshake(one, verify_secret="t") for one in asked]

    assert answers == [Answer(body="115820"), None]


def test_vks_secret_stands_in_the_body_as_text() -> None:
    bodies = [
        '{"secret": "old-secreT"}',
        '{"secret": ["old-secret"]}',
        '["old-secret"]',
        "old-secret",
        '{"secret": ""}',
    ]

    assert [is_genuine("vk", request(body.encode()), OLD, "") for body in bodies] == [False] * len(bodies)


@pytest.mark.parametrize(
    ("body", "code", "answer"),
    [
        ({"type": "confirmation", "group_id": 1}, "c0de", Answer(body="c0de")),
        ({"type": "confirmation", "group_id": 1, "secret": OLD}, "c0de", Answer(body="c0de")),
        ({"type": "confirmation", "group_id": 1, "secret": WRONG}, "c0de", None),
        ({"type": "confirmation", "group_id": 1}, None, None),
        ({"type": "message_new", "secret": OLD}, "c0de", None),
        ({"type": "confirmation", "padding": "x" * 5000}, "c0de", None),
    ],
)
def test_vks_confirmation_is_answered_with_the_code(body: object, code: str | None, answer: Answer | None) -> None:
    asked = request(json.dumps(body).encode())

    assert SOURCES["vk"].challenge(asked, secrets=(OLD, NEW), verify_secret=code) == answer


@pytest.mark.parametrize("source", SHARED)
def test_a_shared_secret_may_stand_in_the_address_or_in_a_header(source: str) -> None:
    right = [in_address(OLD), bearer(OLD), request(authorization=f"bearer {NEW}")]
    wrong = [
        in_address(OLD[:-1]),
        request(query=f"?other={OLD}"),
        request(query="?token"),
        request(query="?" + "&".join(f"a{number}=1" for number in range(500)) + f"&token={OLD}"),
        request(authorization=OLD),
        request(b"old-secret"),
    ]

    assert [is_genuine(source, one, OLD, NEW) for one in right] == [True] * len(right)
    assert [is_genuine(source, one, OLD, NEW) for one in wrong] == [False] * len(wrong)


@pytest.mark.parametrize(
    ("source", "body"),
    [("pact", b'{"source":"pact.im","operation":"test"}'), ("wazzup", b'{"test": true}')],
)
def test_a_test_of_the_address_is_answered_before_the_secret_is_known(source: str, body: bytes) -> None:
    asked = [request(body), request(body[:-1]), request(b'{"test": false}'), request(body + b" " * 5000)]
    answers = [SOURCES[source].challenge(one, secrets=(OLD,), verify_secret=None) for one in asked]

    assert answers == [Answer(), None, None, None]


def test_vk_is_answered_ok() -> None:
    assert SOURCES["vk"].answer == Answer(body="ok")


@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"7", b'{"type": {}}', b'{"type": "\\ud800"}', BODY])
def test_no_body_makes_a_challenge_fall_over(source: str, body: bytes) -> None:
    assert SOURCES[source].challenge(request(body), secrets=(OLD,), verify_secret="t") is None
