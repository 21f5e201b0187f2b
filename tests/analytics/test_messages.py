"""One row a message: body, statuses and reactions folded from drawn facts in any order."""

from schemas import ids
from tests.analytics.drawn import draw, drawn_events, message, tidy, warehouse


def _messages(facts: str, expected: str) -> list[str]:
    events = drawn_events(facts)
    names = {event.data.message_id: event.data.provider_message_id for event in events}
    return draw(warehouse(events).sql("from facts.messages"), like=expected, names=names)


def test_a_status_is_how_far_a_message_got_in_whatever_order_it_was_told() -> None:
    facts = """
    message   | fact      | at       | says
    sent      | sent      | 05:00:00 | text=hello
    delivered | delivered | 05:00:02 |
    delivered | sent      | 05:00:00 |
    read      | read      | 05:00:05 |
    read      | sent      | 05:00:00 |
    read      | delivered | 05:00:02 |
    read      | read      | 05:00:09 |
    failed    | sent      | 05:00:00 |
    failed    | failed    | 05:00:01 | error_code=131026
    after all | failed    | 05:00:01 | error_code=131026
    after all | delivered | 05:00:09 |
    answered  | received  | 05:00:00 | text=сәлем
    late      | delivered | 05:00:02 |
    bare      | sent      | 05:00:00 | kind=unsupported
    bare      | delivered | 05:00:02 |
    echoed    | sent      | 05:00:00 | kind=unsupported
    echoed    | sent      | 05:00:01 | kind=image
    """
    expected = """
    message_id | direction | status    | text  | kind | sent_at  | delivered_at | read_at  | failed_at | error_code | events
    sent       | outgoing  | sent      | hello | text | 05:00:00 |              |          |           |            | 1
    delivered  | outgoing  | delivered |       | text | 05:00:00 | 05:00:02     |          |           |            | 2
    read       | outgoing  | read      |       | text | 05:00:00 | 05:00:02     | 05:00:05 |           |            | 4
    failed     | outgoing  | failed    |       | text | 05:00:00 |              |          | 05:00:01  | 131026     | 2
    after all  | outgoing  | delivered |       |      |          | 05:00:09     |          | 05:00:01  | 131026     | 2
    answered   | incoming  | received  | сәлем | text | 05:00:00 |              |          |           |            | 1
    late       | outgoing  | delivered |       |      |          | 05:00:02     |          |           |            | 1
    bare       | outgoing  | delivered |       |      | 05:00:00 | 05:00:02     |          |           |            | 2
    echoed     | outgoing  | sent      |       | image | 05:00:01 |             |          |           |            | 2
    """  # noqa: E501
    assert tidy(expected) == _messages(facts, expected)


def test_the_last_reaction_stands_and_the_contacts_before_the_companys() -> None:
    facts = """
    message | fact       | at       | says
    both    | sent       | 05:00:00 |
    both    | reacted_to | 05:00:03 | emoji=👍; reacted_by=contact
    both    | reacted_to | 05:00:09 | emoji=🙏; reacted_by=company
    both    | reacted_to | 05:00:01 | emoji=😀; reacted_by=contact
    taken   | received   | 05:00:00 |
    taken   | reacted_to | 05:00:01 | emoji=😀; reacted_by=company
    taken   | reacted_to | 05:00:03 | emoji=; reacted_by=company
    alone   | reacted_to | 05:00:03 | emoji=👍
    """
    expected = """
    message_id | direction | status   | reaction
    both       | outgoing  | sent     | 👍
    taken      | incoming  | received |
    alone      | unknown   | unknown  | 👍
    """
    assert tidy(expected) == _messages(facts, expected)


def test_a_long_short_message_has_the_text_of_all_its_parts_in_their_order() -> None:
    facts = """
    message | fact     | at       | says
    long    | received | 05:00:02 | text=one ; provider_status=part-1-of-11
    long    | received | 05:00:00 | text=-eleven; provider_status=part-11-of-11
    long    | received | 05:00:01 | text=-two; provider_status=part-2-of-11
    long    | received | 05:00:01 | text=-two; provider_status=part-2-of-11
    kept    | received | 05:00:00 | provider_status=part-1-of-2
    kept    | received | 05:00:00 | provider_status=part-2-of-2
    written | received | 05:00:00 | text=first
    written | received | 05:00:01 | text=second
    """
    expected = """
    message_id | direction | status   | text           | kind | sent_at
    long       | incoming  | received | one-two-eleven | text | 05:00:00
    kept       | incoming  | received |                | text | 05:00:00
    written    | incoming  | received | first          | text | 05:00:00
    """
    assert tidy(expected) == _messages(facts, expected)


def test_a_message_belongs_to_the_local_day_on_which_it_was_written() -> None:
    facts = """
    message | fact      | at                  | says
    m       | sent      | 2026-03-02 18:59:59 | contact=phone:+77010000001; channel=waba
    m       | delivered | 2026-03-02 19:00:01 | contact=whatsapp_user:KZ.1
    n       | delivered | 2026-03-02 19:00:01 | contact=telegram:7
    o       | sent      | 2026-03-02 19:00:02 | contact=telegram:8; channel=other
    o       | read      | 2026-03-02 19:00:03 | contact=phone:+77010000008; channel=telegram
    """
    expected = """
    message_id | day        | hour | weekday | contact_key        | channel  | first_at
    m          | 2026-03-02 | 23   | 1       | phone:+77010000001 | waba     | 18:59:59
    n          | 2026-03-03 | 0    | 2       | telegram:7         | other    | 19:00:01
    o          | 2026-03-03 | 0    | 2       | phone:+77010000008 | telegram | 19:00:02
    """
    assert tidy(expected) == _messages(facts, expected)


def test_who_wrote_what_where_is_said_by_its_body_before_the_word_that_it_was_sent_and_else_by_its_first_fact() -> None:
    def said(number: int, channel: str) -> str:
        talk = ids.conversation_id("acme", "telegram", str(number))
        return (
            f"channel={channel}; contact=telegram:{number}; contact_name=N{number}; operator=PJSIP/10{number};"
            f" company_number=+7701000000{number}; conversation_id={talk}"
        )

    facts = f"""
    message | account | fact      | at       | says
    body    | one     | delivered | 05:00:00 | {said(1, "whatsapp")}
    body    | two     | sent      | 05:00:01 | {said(2, "instagram")}; kind=unsupported
    body    | three   | sent      | 05:00:02 | {said(3, "telegram")}; kind=image
    body    | four    | sent      | 05:00:03 | {said(4, "vk")}; kind=audio
    word    | one     | delivered | 05:00:00 | {said(1, "whatsapp")}
    word    | two     | sent      | 05:00:01 | {said(2, "instagram")}; kind=unsupported
    word    | three   | sent      | 05:00:02 | {said(3, "telegram")}; kind=unsupported
    first   | one     | delivered | 05:00:00 | {said(1, "whatsapp")}
    first   | two     | read      | 05:00:01 | {said(2, "instagram")}
    """
    expected = """
    message_id | account | channel   | contact_key | contact_name | operator_endpoint | company_number | kind  | conversation
    body       | three   | telegram  | telegram:3  | N3           | PJSIP/103         | +77010000003   | image | 3
    word       | two     | instagram | telegram:2  | N2           | PJSIP/102         | +77010000002   |       | 2
    first      | one     | whatsapp  | telegram:1  | N1           | PJSIP/101         | +77010000001   |       | 1
    """  # noqa: E501
    events = drawn_events(facts)
    names = {message(name): name for name in ("body", "word", "first")}
    names |= {ids.conversation_id("acme", "telegram", str(number)): str(number) for number in range(1, 5)}
    told = warehouse(events).sql("select *, conversation_id as conversation from facts.messages")

    assert tidy(expected) == draw(told, like=expected, names=names)
