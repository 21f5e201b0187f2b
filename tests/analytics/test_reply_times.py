"""Reply times: from the message that waits to our next, by the clock and in business hours, thanks and emoji aside."""

from datetime import date
from functools import cache

import msgspec
import pytest

from schemas.dated import DatedHours
from tests.analytics.drawn import COMPANY, draw, tidy
from tests.analytics.drawn_rows import figure, messages

kept = cache(messages)

# Monday 2026-03-02: Acme (UTC+5) is open 09:00-13:00 and 14:00-18:00, that is 04:00-08:00 and 09:00-13:00 UTC.
TALKS = """
message_id | conversation_id | first_at            | direction | text
a          | one             | 2026-03-02 05:00:00 | incoming  | how much?
b          | one             | 2026-03-02 05:01:00 | incoming  | hello?
c          | one             | 2026-03-02 05:10:00 | outgoing  | 100
d          | one             | 2026-03-02 05:11:00 | incoming  | Спасибо!
e          | one             | 2026-03-02 05:12:00 | outgoing  | bye
f          | one             | 2026-03-02 05:13:00 | incoming  | 👍🏼 🙏
g          | one             | 2026-03-02 05:14:00 | incoming  | and delivery
h          | one             | 2026-03-02 05:14:30 | outgoing  | free
lunch      | two             | 2026-03-02 07:59:00 | incoming  | are you open?
lunched    | two             | 2026-03-02 09:02:00 | outgoing  | yes
night      | three           | 2026-03-02 12:50:00 | incoming  | hi
morning    | three           | 2026-03-03 04:05:00 | outgoing  | hi
waits      | four            | 2026-03-02 05:00:00 | incoming  | anybody?
ours       | five            | 2026-03-02 05:00:00 | outgoing  | an offer
answer     | five            | 2026-03-02 05:30:00 | incoming  | interesting
more       | five            | 2026-03-02 05:31:00 | outgoing  | good
anew       | five            | 2026-03-03 05:31:01 | incoming  | one more thing
"""


def test_a_contact_waits_from_the_first_message_that_needs_an_answer_until_we_write() -> None:
    expected = """
    message_id | conversation_id | messages | needs_answer | is_first | reply_seconds | reply_business_seconds
    a          | one             | 2        | yes          | yes      | 600           | 600
    anew       | five            | 1        | yes          | yes      |               |
    answer     | five            | 1        | yes          | no       | 60            | 60
    d          | one             | 1        | no           | no       | 60            | 60
    g          | one             | 2        | yes          | no       | 30            | 30
    lunch      | two             | 1        | yes          | yes      | 3780          | 180
    night      | three           | 1        | yes          | yes      | 54900         | 900
    waits      | four            | 1        | yes          | yes      |               |
    """

    assert tidy(expected) == draw(kept(TALKS).sql("from reports.reply_times"), like=expected)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("replied_share", (5 / 7, 7)),
        ("first_reply_seconds_median", (3780.0, 3)),
        ("first_reply_business_seconds_median", (600.0, 3)),
        ("reply_seconds_median", (600.0, 5)),
        ("reply_seconds_p90", (3780 + (54900 - 3780) * 0.6, 5)),
        ("reply_business_seconds_median", (180.0, 5)),
    ],
)
def test_reply_times_are_medians_of_what_waited_and_was_answered(metric: str, expected: tuple[float, int]) -> None:
    assert expected == figure(kept(TALKS), metric)


def test_what_could_not_be_delivered_is_no_reply() -> None:
    warehouse = messages("""
        message_id | first_at            | direction | status
        a          | 2026-03-02 05:00:00 | incoming  | received
        b          | 2026-03-02 05:00:30 | outgoing  | failed
        c          | 2026-03-02 05:01:00 | outgoing  | delivered
    """)

    assert (60.0, 1) == figure(warehouse, "reply_seconds_median")


def test_what_we_write_within_the_second_of_a_message_is_the_reply_to_it() -> None:
    drawn = """
    message_id | conversation_id | first_at            | direction
    b          | one             | 2026-03-02 05:00:00 | incoming
    a          | one             | 2026-03-02 05:00:00 | outgoing
    c          | two             | 2026-03-02 05:00:00 | incoming
    d          | two             | 2026-03-02 05:00:00 | outgoing
    """
    expected = """
    message_id | reply_seconds
    b          | 0
    c          | 0
    """

    assert tidy(expected) == draw(messages(drawn).sql("from reports.reply_times"), like=expected)


def test_what_a_bot_wrote_is_told_by_itself_or_by_our_own_door() -> None:
    drawn = """
    message_id | conversation_id | source   | account | first_at            | direction
    a          | one             | telegram | bot     | 2026-03-02 05:00:00 | incoming
    b          | one             | ingest   | module  | 2026-03-02 05:01:00 | outgoing
    c          | two             | telegram | bot     | 2026-03-02 05:00:00 | incoming
    d          | three           | viber    | other   | 2026-03-02 05:00:00 | incoming
    """
    expected = """
    message_id | are_replies_told | reply_seconds
    a          | yes              | 60
    c          | yes              |
    d          | no               |
    """

    assert tidy(expected) == draw(messages(drawn).sql("from reports.reply_times"), like=expected)


def test_a_conversation_begins_anew_after_more_than_a_day_in_which_nobody_wrote() -> None:
    drawn = """
    message_id | conversation_id | first_at            | direction
    a          | one             | 2026-03-02 05:00:00 | incoming
    b          | one             | 2026-03-02 06:00:00 | outgoing
    c          | one             | 2026-03-03 06:00:00 | incoming
    d          | two             | 2026-03-02 06:00:00 | outgoing
    e          | two             | 2026-03-03 06:00:01 | incoming
    """
    expected = """
    message_id | is_first
    a          | yes
    c          | no
    e          | yes
    """

    assert tidy(expected) == draw(messages(drawn).sql("from reports.reply_times"), like=expected)


def test_business_time_is_that_of_the_hours_that_held_on_each_local_day() -> None:
    then = DatedHours(since=date(2026, 3, 3), until=date(2026, 3, 4), hours={"tue": ("10:00-12:00",)})
    dated = msgspec.structs.replace(
        COMPANY, hours={"mon": ("09:00-10:00",), "wed": ("09:00-10:00",)}, dated_hours=(then,)
    )
    drawn = """
    message_id | first_at            | direction
    a          | 2026-03-02 04:00:00 | incoming
    b          | 2026-03-04 12:00:00 | outgoing
    """

    shown = messages(drawn, companies=(dated,)).sql("select reply_business_seconds from reports.reply_times")

    assert [(4 * 3_600,)] == shown.rows()


def test_without_messages_reply_times_are_empty() -> None:
    assert (None, 0) == figure(messages("message_id | first_at"), "reply_seconds_median")


def test_business_time_leaps_over_holidays_and_clock_changes() -> None:
    in_berlin = msgspec.structs.replace(
        COMPANY,
        time_zone="Europe/Berlin",
        hours={"sat": ("22:00-24:00",), "sun": ("00:00-04:00",), "mon": ("09:00-10:00",), "tue": ("09:00-10:00",)},
        holidays=(msgspec.structs.replace(COMPANY).holidays[0].replace(month=3, day=30),),
    )
    drawn = """
    message_id | conversation_id | first_at            | direction
    a          | spring          | 2026-03-28 22:00:00 | incoming
    b          | spring          | 2026-03-29 01:30:00 | outgoing
    c          | holiday         | 2026-03-29 01:30:00 | incoming
    d          | holiday         | 2026-03-31 07:15:00 | outgoing
    """
    expected = """
    message_id | reply_seconds | reply_business_seconds
    a          | 12600         | 12600
    c          | 193500        | 2700
    """

    shown = messages(drawn, companies=(in_berlin,)).sql("from reports.reply_times")

    assert tidy(expected) == draw(shown, like=expected)


def test_a_company_that_states_no_hours_is_always_open_but_for_its_holidays() -> None:
    always = msgspec.structs.replace(COMPANY, hours={})
    drawn = """
    message_id | first_at            | direction
    a          | 2026-03-08 18:00:00 | incoming
    b          | 2026-03-09 19:00:10 | outgoing
    """

    shown = messages(drawn, companies=(always,)).sql("select reply_business_seconds from reports.reply_times")

    assert [(3610.0,)] == shown.rows()


NEEDS_ANSWER = {
    "ok": False,
    "ok?": True,
    "Рахмет!!": False,
    "muito obrigada": False,
    "thanks, and the price": True,
    "👍🏽 Ок, спасибо большое! 🙏": False,
    "жақсы, рақмет 😊": False,
    "спасибо🙏 а когда": True,
    "❤️": False,
    "?": True,
    "👍 когда?": True,
    "1": True,
    "-": True,
}


def test_thanks_and_emoji_need_no_answer() -> None:
    drawn = [f"m{nth} | m{nth} | 2026-03-02 05:00:00 | incoming | .{text}" for nth, text in enumerate(NEEDS_ANSWER)]
    warehouse = messages("\n".join(["message_id | conversation_id | first_at | direction | text", *drawn]))
    warehouse.connection.execute("update facts.messages set text = substr(text, 2)")
    asked = "select text, needs_answer from reports.reply_times join facts.messages using (message_id)"

    assert dict(warehouse.sql(asked).rows()) == NEEDS_ANSWER


def test_what_cannot_be_read_needs_no_answer() -> None:
    unread = dict.fromkeys(("sticker", "unsupported", "system", "reaction"), False)
    needs_answer = unread | dict.fromkeys(("image", "audio", "location"), True)
    drawn = [f"{kind} | {kind} | 2026-03-02 05:00:00 | incoming | {kind} | -" for kind in needs_answer]
    warehouse = messages("\n".join(["message_id | conversation_id | first_at | direction | kind | text", *drawn]))

    assert dict(warehouse.sql("select message_id, needs_answer from reports.reply_times").rows()) == needs_answer
