"""Calls that stand beside the figures: internal ones, tests, what is told twice, and the company's own numbers."""

from schemas.company import Company, parse_company
from schemas.envelope import Event
from tests.analytics.drawn import COMPANY_TEXT, drawn_events, warehouse
from tests.analytics.drawn_calls import calls_of, drawn, folded


def test_a_call_is_internal_only_where_no_fact_names_somebody_outside() -> None:
    facts = """
    call    | leg | fact    | at       | says
    click   |     | offered | 05:00:00 | direction=internal; operator=PJSIP/101
    click   |     | ended   | 05:01:00 | direction=internal; operator=PJSIP/101; talk_seconds=40
    click   | out | ended   | 05:01:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=40
    inside  |     | ended   | 05:01:00 | direction=internal; talk_seconds=40
    inside  | b   | ended   | 05:01:00 | operator=PJSIP/102; talk_seconds=40
    """
    expected = """
    call   | direction | is_internal | outcome  | contact_key
    click  | outgoing  | no          | answered | phone:+77010000001
    inside | internal  | yes         | answered |
    """
    assert drawn(expected) == folded(facts, like=expected)


def test_a_pickup_of_which_nothing_else_is_told_is_no_call() -> None:
    facts = """
    call  | fact     | at       | says
    ghost | accepted | 05:00:10 | answered_by=machine
    named | accepted | 05:00:10 | operator=PJSIP/101
    over  | accepted | 05:00:10 | answered_by=human
    over  | ended    | 05:00:40 |
    """
    expected = """
    call  | outcome
    named | in_progress
    over  | answered
    """
    assert drawn(expected) == folded(facts, like=expected)


def test_what_is_told_of_a_call_under_a_second_id_is_left_out() -> None:
    facts = """
    call   | leg | fact        | at       | says
    moved  |     | offered     | 05:00:00 | direction=incoming
    moved  |     | transferred | 05:00:30 | provider_status=transfer
    moved  |     | ended       | 05:00:30 | provider_status=transfer
    stayed |     | offered     | 05:00:00 | direction=incoming
    stayed |     | transferred | 05:00:30 | provider_status=transfer
    stayed |     | ended       | 05:00:30 | provider_status=transfer
    stayed |     | ended       | 05:01:00 | provider_status=completed; disposition=completed; talk_seconds=50
    """
    of_vonage = """
    call   | is_internal | outcome  | ended_at
    moved  | yes         | missed   | 05:00:30
    stayed | no          | answered | 05:01:00
    """
    of_others = of_vonage.replace("| yes", "| no ")
    assert drawn(of_vonage) == folded(facts, like=of_vonage, source="vonage")
    assert drawn(of_others) == folded(facts, like=of_others, source="whatsapp_cloud")


def test_internal_and_test_calls_are_marked() -> None:
    facts = """
    call     | fact    | at       | says
    colleague| offered | 05:00:00 | direction=internal; contact=sip:102
    office   | offered | 05:00:00 | direction=incoming; contact=phone:+77271111111
    marked   | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001; is_test=yes
    tester   | offered | 05:00:00 | direction=incoming; contact=phone:+77019999999
    test line| offered | 05:00:00 | direction=incoming; contact=phone:+77010000001; company_number=+77019999999
    customer | offered | 05:00:00 | direction=incoming; contact=phone:+77010000001
    unknown  | offered | 05:00:00 | direction=incoming
    """
    expected = """
    call      | is_internal | is_test
    colleague | yes         | no
    office    | yes         | no
    marked    | no          | yes
    tester    | no          | yes
    test line | no          | yes
    customer  | no          | no
    unknown   | no          | no
    """
    assert drawn(expected) == folded(facts, like=expected)


def test_the_company_s_own_numbers_may_be_written_as_at_home() -> None:
    facts = """
    call   | fact  | at                  | says
    always | ended | 2026-03-03 05:01:00 | contact=phone:+77019999999
    dated  | ended | 2026-03-03 05:01:00 | contact=phone:+77010000077
    later  | ended | 2026-03-05 05:01:00 | contact=phone:+77010000077
    """
    expected = """
    call   | is_test
    always | yes
    dated  | yes
    later  | no
    """
    at_home = parse_company(f"""
    {COMPANY_TEXT.replace('"+77019999999"', '"8 (701) 999-99-99"')}
    [[dated_numbers]]
    number = "8 701 000-00-77"
    kind = "test"
    until = 2026-03-04

    [[dated_numbers]]
    number = "+77010000077"
    kind = "test"
    from = 2026-03-03
    until = 2026-03-05
    """)
    built = warehouse(drawn_events(facts), [at_home])

    assert drawn(expected) == calls_of(built, like=expected)


def test_the_company_s_own_numbers_may_be_written_as_in_its_city() -> None:
    facts = """
    call  | fact  | at       | says
    ours  | ended | 05:01:00 | contact=phone:+77272999999
    other | ended | 05:01:00 | contact=phone:+77172999999
    """
    expected = """
    call  | is_test
    ours  | yes
    other | no
    """
    text = COMPANY_TEXT.replace('"+77019999999"', '"299-99-99"').replace('"KZ"', '"KZ"\n    area_code = "727"', 1)
    built = warehouse(drawn_events(facts), [parse_company(text)])

    assert drawn(expected) == calls_of(built, like=expected)


AS_MESSENGERS_WRITE = [
    ("+525512345678", "+52 1 55 1234-5678"),
    ("+525512345678", "521 55 1234 5678"),
    ("+525512345678", "+52 55 1234 5678"),
    ("+553188887777", "+55 31 98888-7777"),
    ("+5531988887777", "+55 31 8888-7777"),
    ("+5491123456789", "+54 11 2345-6789"),
    ("+541123456789", "+54 9 11 2345-6789"),
    ("+77011234567", "00 7 701 123-45-67"),
    ("+78005553535", "8 800 555-35-35"),
]


def test_the_company_s_own_numbers_may_be_written_as_messengers_write_them() -> None:
    companies: list[Company] = []
    events: list[Event] = []
    for number, (told, written) in enumerate(AS_MESSENGERS_WRITE):
        name = f"c{number}"
        text = COMPANY_TEXT.replace('"acme"', f'"{name}"').replace('"+77019999999"', f'"{written}"')
        companies.append(parse_company(text))
        facts = f"""
        call         | fact  | at       | says
        ours {name}  | ended | 05:01:00 | contact=phone:{told}
        other {name} | ended | 05:01:00 | contact=phone:{told[:-1]}0
        """
        events += drawn_events(facts, company=name)
    tested = "select provider_call_id from facts.calls where is_test order by company"

    assert [(f"ours c{number}",) for number in range(len(AS_MESSENGERS_WRITE))] == (
        warehouse(events, companies).sql(tested).rows()
    )
