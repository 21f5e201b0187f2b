"""One row a call: with whom it was, its recording and transcript, and whose words stand where several tell."""

import pytest

from schemas.company import parse_company
from tests.analytics.drawn import COMPANY_TEXT, call, drawn_events, recording, warehouse
from tests.analytics.drawn_calls import calls_of, drawn, folded


def test_a_call_known_by_its_recording_alone_is_a_row_all_the_same() -> None:
    facts = """
    call | leg | fact                     | at       | says
    c    | a   | recording_made_available | 05:00:30 | recording_id=r; url=x
    """
    expected = """
    call | outcome     | direction | started_at | legs | has_transcript | is_internal | is_test | events
    c    | in_progress | unknown   | 05:00:30   | 0    | no             | no          | no      | 1
    """
    assert drawn(expected) == folded(facts, like=expected)


def test_the_stored_recording_and_its_best_transcript_stand_beside_the_call() -> None:
    sha, turns = "0" * 64, "grade=words; duration_seconds=9; channels=2"
    facts = f"""
    call  | fact                     | at       | says
    c     | ended                    | 05:00:30 | started_at=05:00:00; talk_seconds=20
    c     | recording_made_available | 05:00:31 | recording_id=first; url=x
    c     | recording_made_available | 05:00:32 | recording_id=second; url=x
    c     | recording_stored         | 06:00:00 | recording_id=second; path=p.wav; sha256={sha}; size_bytes=9
    c     | transcribed              | 06:10:00 | recording_id=second; origin=whisperx; model=old; language=ru; {turns}
    c     | transcribed              | 06:20:00 | recording_id=second; origin=whisperx; model=demo; language=kk; is_demo_model=yes; {turns}
    c     | transcribed              | 06:30:00 | recording_id=second; origin=provider; model=theirs; language=en; {turns}
    quiet | ended                    | 05:00:30 | started_at=05:00:00; talk_seconds=20
    """  # noqa: E501
    expected = """
    call  | recording_path | has_transcript | transcript_language | transcript_model | is_demo_transcript | started_at
    c     | p.wav          | yes            | kk                  | demo             | yes                | 05:00:00
    quiet |                | no             |                     |                  |                    | 05:00:00
    """
    built = warehouse(drawn_events(facts))

    assert drawn(expected) == calls_of(built, like=expected)
    assert recording("second") == built.sql("select max(recording_id) from facts.calls").item()
    by_provider = warehouse(
        drawn_events(facts), [parse_company(f'{COMPANY_TEXT}\n[listening]\ntranscript = "provider"')]
    )
    assert [("theirs",)] == by_provider.sql("select max(transcript_model) from facts.calls").rows()


def test_of_stored_recordings_the_one_with_a_transcript_stands_beside_the_call_and_then_the_earliest() -> None:
    sha, turns = "0" * 64, "origin=whisperx; model=m; language=ru; grade=words; duration_seconds=9; channels=2"
    facts = f"""
    call  | fact                     | at       | says
    heard | recording_made_available | 05:00:31 | recording_id=first; url=x
    heard | recording_made_available | 05:00:32 | recording_id=second; url=x
    heard | recording_stored         | 06:00:00 | recording_id=first; path=1.wav; sha256={sha}; size_bytes=9
    heard | recording_stored         | 06:00:00 | recording_id=second; path=2.wav; sha256={sha}; size_bytes=9
    heard | transcribed              | 06:10:00 | recording_id=second; {turns}
    early | recording_made_available | 05:00:32 | recording_id=b; url=x
    early | recording_made_available | 05:00:31 | recording_id=c; url=x
    early | recording_made_available | 05:00:33 | recording_id=a; url=x
    early | recording_stored         | 06:00:00 | recording_id=b; path=b.wav; sha256={sha}; size_bytes=9
    early | recording_stored         | 06:00:00 | recording_id=c; path=c.wav; sha256={sha}; size_bytes=9
    early | recording_stored         | 06:00:00 | recording_id=a; path=a.wav; sha256={sha}; size_bytes=9
    """
    expected = """
    call  | recording_path | has_transcript
    heard | 2.wav          | yes
    early | c.wav          | no
    """
    assert drawn(expected) == folded(facts, like=expected)


def test_what_is_said_of_the_call_outweighs_its_legs_and_the_earlier_the_later() -> None:
    facts = """
    call | leg | fact    | at       | says
    c    | a   | rang    | 05:00:01 | direction=internal; channel=phone; contact=sip:101; contact_name=Leg; device=computer
    c    |     | offered | 05:00:02 | direction=incoming; contact=whatsapp_user:KZ.1; contact_name=Айгүл; company_number=+77270000000
    c    |     | rang    | 05:00:03 | contact=phone:+77010000001; contact_name=Later; channel=whatsapp
    """  # noqa: E501
    expected = """
    call | direction | channel  | contact_key        | contact_name | company_number | device   | media
    c    | incoming  | whatsapp | phone:+77010000001 | Айгүл        | +77270000000   | computer | audio
    """
    assert drawn(expected) == folded(facts, like=expected)


WORDS = (
    "direction=incoming; channel=waba; contact=vk:1; contact_name=A; company_number=+71; device=phone; media=video",
    "direction=outgoing; channel=viber; contact=vk:2; contact_name=B; company_number=+72; device=computer; media=audio",
)


@pytest.mark.parametrize(("said", "others"), [WORDS, WORDS[::-1]])
def test_whatever_the_words_those_of_the_call_stand_and_of_several_the_earliest(said: str, others: str) -> None:
    facts = f"""
    call | account | leg | fact    | at       | says
    a    | leg     | x   | offered | 05:00:01 | {others}
    a    | first   |     | offered | 05:00:02 | {said}
    a    | later   |     | offered | 05:00:03 | {others}
    b    | first   | x   | offered | 05:00:01 | {said}
    b    | leg     | y   | offered | 05:00:02 | {others}
    b    | later   | x   | offered | 05:00:03 | {others}
    """
    told = warehouse(drawn_events(facts)).sql("""
        select account, direction, channel, contact_key, contact_name, company_number, device, media from facts.calls
    """)

    assert [("first", *(word.partition("=")[2] for word in said.split("; ")))] * 2 == told.rows()


def test_a_transfer_without_legs_names_the_operator_who_took_over() -> None:
    facts = """
    call | fact        | at       | says
    c    | accepted    | 05:00:10 | operator=PJSIP/101; answered_by=human; direction=incoming
    c    | transferred | 05:01:00 | from_operator=PJSIP/101; to_operator=client:aigul
    c    | transferred | 05:02:00 | from_operator=client:aigul; to_operator=PJSIP/102
    c    | ended       | 05:03:00 | disposition=completed; operator=PJSIP/101
    """
    expected = """
    call | outcome  | transfers | operator_endpoint | operator_id | team_id
    c    | answered | 2         | PJSIP/102         | oleg        | sales
    """
    assert drawn(expected) == folded(facts, like=expected)


def test_a_fact_that_cannot_be_read_spoils_no_other() -> None:
    facts = """
    call | fact    | at       | says
    good | offered | 05:00:00 | direction=incoming
    odd  | offered | 05:00:00 | direction=incoming
    """
    built = warehouse(drawn_events(facts))
    built.connection.execute(
        'update log.stored_events set short_data = \'"direction": 3, "contact": "x", "is_test": []}\' where entity = ?',
        [call("odd")],
    )

    assert [("good", "incoming"), (None, "3")] == built.sql(
        "select provider_call_id, direction from facts.calls order by all nulls last"
    ).rows()
