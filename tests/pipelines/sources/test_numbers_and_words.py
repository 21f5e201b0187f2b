"""Numbers, times and values as providers write them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.phones import MAX_IDENTITIES, e164, numbers_of, phone_identity, together
from pipelines.sources.reading import number, text, word
from pipelines.sources.times import from_epoch_field, from_local, from_rfc2822
from schemas.errors import InvalidEvent
from schemas.people import Identity


@pytest.mark.parametrize(
    ("written", "region", "expected"),
    [
        ("8 701 123-45-67", "KZ", "+77011234567"),
        ("77011234567", "KZ", "+77011234567"),
        ("+7 (701) 123 45 67", "BR", "+77011234567"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
        ("5511987654321", "KZ", "+5511987654321"),
        ("5511987654321", None, "+5511987654321"),
        ("+15005550006", None, "+15005550006"),
        ("101", "KZ", None),
        ("101", "US", None),
        ("1414", "KZ", None),
        ("sales", "KZ", None),
        ("98765-4321", "BR", None),
        ("987654321", "BR", None),
        ("3234-5678", "BR", None),
        ("4004-1234", "BR", None),
        ("+55 98765-4321", "BR", None),
        ("+55 4004-1234", "KZ", "+5540041234"),
        ("2-34-56-78", "KZ", None),
        ("234-56-78", "RU", None),
        ("23-45-67", "RU", None),
        ("98765-4321", "BR 11", "+5511987654321"),
        ("3234-5678", "BR 21", "+552132345678"),
        ("(31) 98765-4321", "BR 11", "+5531987654321"),
        ("+7 701 123 45 67", "BR 11", "+77011234567"),
        ("234-56-78", "KZ 727", "+77272345678"),
        ("23-45-67", "KZ 7172", "+77172234567"),
        ("234-56-78", "RU 495", "+74952345678"),
        ("101", "BR 11", None),
        ("1414", "KZ 7172", None),
        ("8 (701) 123-45-67, внутр. 12", "KZ", "+77011234567"),
        ("+7 701 123 45 67 (ішкі 12)", "BR", "+77011234567"),
        ("(11) 98765-4321 ramal 12", "BR", "+5511987654321"),
        ("8 701 123-45-67, добавочный 12", "KZ", "+77011234567"),
        ("8 800 555-35-35", "KZ", "+78005553535"),
        ("+880 1712-345678", "KZ", "+8801712345678"),
        ("88027123456", None, "+88027123456"),
        ("88005553535", None, None),
        ("00525512345678", "KZ", None),
        ("9" * 300, "KZ", None),
    ],
)
def test_a_number_becomes_e164_in_its_region(written: str, region: str | None, expected: str | None) -> None:
    assert e164(written, region=region) == expected


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        " ",
        "anonymous",
        "Restricted",
        "<unknown>",
        "+266696687",
        "266696687",
        "sip:anonymous@anonymous.invalid",
    ],
)
def test_a_hidden_caller_has_no_identity(written: str | None) -> None:
    assert phone_identity(written, region="KZ") is None


def test_what_is_no_phone_is_kept_as_another_number() -> None:
    assert phone_identity("1414", region="KZ") == Identity(kind="other_number", value="1414")


@pytest.mark.parametrize(
    ("written", "region", "known"),
    [
        ("553188887777", None, ["phone:+553188887777", "phone:+5531988887777"]),
        ("553188887777", "KZ", ["other_number:553188887777", "phone:+5531988887777"]),
        ("5531988887777", None, ["phone:+5531988887777"]),
        ("553122223333", None, ["phone:+553122223333"]),
        ("5491123456789", None, ["phone:+5491123456789", "phone:+541123456789"]),
        ("011 15 2345-6789", "AR", ["phone:+5491123456789", "phone:+541123456789"]),
        ("541123456789", None, ["phone:+541123456789"]),
        ("5215512345678", None, ["other_number:5215512345678", "phone:+525512345678"]),
        ("+52 1 55 1234 5678", "BR", ["other_number:+52 1 55 1234 5678", "phone:+525512345678"]),
        ("+5215512345678", None, ["other_number:+5215512345678", "phone:+525512345678"]),
        ("+5215512345678", "MX", ["other_number:+5215512345678", "phone:+525512345678"]),
        ("525512345678", None, ["phone:+525512345678"]),
        ("0077011234567", "KZ", ["other_number:0077011234567", "phone:+77011234567"]),
        ("00525512345678", "KZ", ["other_number:00525512345678", "phone:+525512345678"]),
        ("0077011234567", "DE", ["phone:+77011234567"]),
        ("87011234567", None, ["other_number:87011234567", "phone:+77011234567"]),
        ("8 800 555-35-35", None, ["other_number:8 800 555-35-35", "phone:+78005553535"]),
        ("8 701 123-45-67 доб. 12", None, ["other_number:8 701 123-45-67 доб. 12", "phone:+77011234567"]),
        ("8 701 123-45-67 ext. 12", None, ["other_number:8 701 123-45-67 ext. 12", "phone:+77011234567"]),
        ("+8 916 123-45-67", "KZ", ["other_number:+8 916 123-45-67", "phone:+79161234567"]),
        ("77011234567", None, ["phone:+77011234567"]),
        ("005215512345678", "KZ", ["other_number:005215512345678", "phone:+525512345678"]),
        ("00553188887777", None, ["other_number:00553188887777", "phone:+5531988887777"]),
        ("5210000000000", None, ["other_number:5210000000000"]),
        ("1414", "KZ", ["other_number:1414"]),
        ("98765-4321", "BR", ["other_number:98765-4321"]),
        ("8765-4321", "BR 11", ["phone:+551187654321", "phone:+5511987654321"]),
    ],
)
def test_who_is_written_in_another_way_is_known_by_the_number_that_others_tell(
    written: str, region: str | None, known: list[str]
) -> None:
    people = together(Identity("whatsapp_user", "BR.1"), phone_identity(written, region=region))

    assert sorted([*known, "whatsapp_user:BR.1"]) == sorted(f"{one.kind}:{one.value}" for one in people)


@pytest.mark.parametrize("phones", [9, 15, 20])
def test_other_forms_of_numbers_take_no_more_room_than_a_fact_has(phones: int) -> None:
    known = [Identity("crm_kommo", "5"), *(Identity("phone", f"+54911234567{number:02d}") for number in range(phones))]
    people = together(*known)

    assert (set(known) - set(people), len(people)) == (set(), max(len(known), MAX_IDENTITIES))


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("other_number:5215512345678", "+525512345678"),
        ("other_number:+52 1 55 1234-5678", "+525512345678"),
        ("phone:+5491123456789", "+541123456789"),
        ("phone:+553188887777", "+5531988887777"),
        ("other_number:8 701 123-45-67 вн. 12", "+77011234567"),
        ("other_number:+7 701 123-45-67, внутр. 12", "+77011234567"),
        ("other_number:0077011234567", "+77011234567"),
    ],
)
def test_a_number_is_found_in_whatever_form_it_was_told(written: str, number: str) -> None:
    kind, _, value = written.partition(":")

    assert number in numbers_of(Identity(kind, value)) & numbers_of(Identity("phone", number))


@pytest.mark.parametrize("written", ["other_number:1414", "other_number:sales", "telegram:77011234567", "phone:?"])
def test_what_is_no_number_is_nobody_else_s(written: str) -> None:
    kind, _, value = written.partition(":")

    assert numbers_of(Identity(kind, value)) == frozenset()


@pytest.mark.parametrize("written", ["553188887777", "5491123456789", "5215512345678"])
def test_a_contact_goes_first_by_what_is_written_of_him(written: str) -> None:
    as_written = phone_identity(written, region=None)

    assert together(as_written, Identity("whatsapp_user", "1"))[0] == as_written


@given(written=st.text(max_size=40), region=st.sampled_from(["KZ", "US", None]))
def test_any_text_is_a_number_or_none(written: str, region: str | None) -> None:
    found = e164(written, region=region)

    assert found is None or (found.startswith("+") and found[1:].isdigit())


@pytest.mark.parametrize("value", [1772445600, "1772445600", 1772445600.0, 1772445600000, "1772445600000"])
def test_an_epoch_counts_seconds_or_milliseconds(value: Any) -> None:
    assert from_epoch_field(value, what="timestamp") == "2026-03-02T10:00:00.000Z"


@pytest.mark.parametrize("value", [None, "", "soon", True, [], math.nan, math.inf, 10**30, "9" * 40, -1, "٣"])
def test_what_is_no_epoch_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="t"):
        from_epoch_field(value, what="timestamp")


@pytest.mark.parametrize(
    "written", ["Mon, 02 Mar 2026 10:00:00 +0000", "Mon, 02 Mar 2026 15:00:00 +0500", "02 Mar 2026 10:00:00 -0000"]
)
def test_rfc_2822_names_its_zone(written: str) -> None:
    assert from_rfc2822(written, what="Timestamp") == "2026-03-02T10:00:00.000Z"


@pytest.mark.parametrize("written", ["", "yesterday", "2026", "Mon, 99 Mar 2026 10:00:00 +0000", "1 1 1 1:1:1 +99999"])
def test_what_is_no_rfc_2822_time_is_refused(written: str) -> None:
    with pytest.raises(InvalidEvent):
        from_rfc2822(written, what="Timestamp")


@pytest.mark.parametrize("written", ["", "14:15", "2026-03-02", "2026-02-30 10:00:00", "0001-01-01 00:00:00"])
def test_what_is_no_clock_time_is_refused(written: str) -> None:
    with pytest.raises(InvalidEvent):
        from_local(written, zone="Asia/Almaty", what="start")


def test_of_an_hour_that_comes_twice_the_first_is_meant_unless_something_tells_the_second() -> None:
    later = "2026-11-01T06:16:00.000Z"
    read = [
        from_local("2026-11-01 01:15:30", zone="America/New_York", what="start", near=near) for near in (None, later)
    ]

    assert read == ["2026-11-01T05:15:30.000Z", "2026-11-01T06:15:30.000Z"]


def test_numbers_written_as_text_are_numbers_and_words_are_not() -> None:
    assert (number({"n": " 12.5 "}, "n"), number({"n": ""}, "n"), number({}, "n")) == (12.5, None, None)
    with pytest.raises(InvalidEvent, match="n is not a number"):
        number({"n": "twelve"}, "n")


def test_text_may_be_a_whole_number_and_nothing_else() -> None:
    assert (text({"a": 5}, "a"), text({"a": " "}, "a"), text({"a": None, "b": "x"}, "a", "b")) == ("5", None, "x")
    with pytest.raises(InvalidEvent, match="a is not text"):
        text({"a": ["x"]}, "a")


def test_a_reason_repeats_keywords_only() -> None:
    assert [word(value) for value in ("COMPLETED", "+77011234567", "Сәлем", {"a": 1}, "x" * 60)] == (
        ["`COMPLETED`"] + ["another word"] * 4
    )
