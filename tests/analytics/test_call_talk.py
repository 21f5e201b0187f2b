"""One row a call: how the conversation went, from turns drawn with their times."""

import random

import pytest

from analytics.folding.scratch import Scratch
from tests.analytics.drawn import call, draw, drawn_events, tidy, warehouse
from tests.analytics.drawn_talk import talk

_NAMES = {call(name): name for name in "abcdefghijkl"}


def _talk(turns: str, calls: str) -> Scratch:
    return warehouse(drawn_events(talk(turns, calls)))


def _assert_figures(expected: str, *, turns: str, calls: str) -> None:
    built = _talk(turns, calls)

    assert tidy(expected) == draw(built.sql("from facts.call_talk"), like=expected, names=_NAMES)


NOBODY = """
call | who | from | to
"""


def test_a_call_without_a_transcript_has_no_row() -> None:
    facts = """
    call | fact  | at       | says
    a    | ended | 05:00:30 | disposition=no_answer
    """

    assert [] == warehouse(drawn_events(facts)).sql("from facts.call_talk").rows()


def test_a_call_in_which_nobody_speaks_is_silence_and_has_no_ratio() -> None:
    _assert_figures(
        """
        call_id | turns | operator_seconds | talk_ratio | talk_share | silence_seconds | silence_share | dead_airs | dead_air_seconds | patience_seconds | pauses | operator_monologue_seconds | operator_interruptions | operator_questions
        a       | 0     | 0                |            | 0          | 10              | 1             | 1         | 10               |                  | 0      | 0                          | 0                      |
        """,  # noqa: E501
        turns=NOBODY,
        calls="""
        call | seconds | grade
        a    | 10      | turns
        """,
    )


def test_a_call_of_zero_length_has_no_shares() -> None:
    _assert_figures(
        """
        call_id | duration_seconds | speech_seconds | talk_ratio | talk_share | silence_share | overlap_share | silence_seconds | dead_airs
        a       | 0                | 0              |            |            |               |               | 0               | 0
        b       | 0                | 0              |            |            |               |               | 0               | 0
        """,  # noqa: E501
        turns="""
        call | who      | from | to
        b    | operator | 0    | 0
        """,
        calls="""
        call | seconds
        a    | 0
        b    | 0
        """,
    )


def test_where_one_side_speaks_the_ratio_is_all_or_nothing() -> None:
    _assert_figures(
        """
        call_id | operator_seconds | customer_seconds | talk_ratio | talk_share | operator_monologue_seconds | customer_monologue_seconds | switches | patience_seconds
        a       | 4                | 0                | 1          | 0.4        | 3                          | 0                          | 0        |
        b       | 0                | 4                | 0          | 0          | 0                          | 3                          | 0        |
        """,  # noqa: E501
        turns="""
        call | who      | from | to
        a    | operator | 1    | 4
        a    | operator | 6    | 7
        b    | customer | 1    | 4
        b    | customer | 6    | 7
        """,
        calls="""
        call | seconds
        a    | 10
        b    | 10
        """,
    )


def test_overlap_counts_for_both_in_speech_and_for_none_in_a_monologue() -> None:
    _assert_figures(
        """
        call_id | speech_seconds | operator_seconds | customer_seconds | overlap_seconds | overlap_share | talk_ratio | operator_monologue_seconds | customer_monologue_seconds | silence_seconds
        a       | 12             | 6                | 6                | 4               | 0.4           | 0.5        | 2                          | 2                          | 2
        b       | 14             | 10               | 4                | 4               | 0.4           | 0.714      | 6                          | 0                          | 0
        """,  # noqa: E501
        turns="""
        call | who      | from | to
        a    | operator | 0    | 6
        a    | customer | 2    | 8
        b    | operator | 0    | 10
        b    | customer | 6    | 10
        """,
        calls="""
        call | seconds
        a    | 10
        b    | 10
        """,
    )


def test_a_turn_beyond_the_end_makes_the_recording_longer_and_a_backward_one_counts_for_nothing() -> None:
    _assert_figures(
        """
        call_id | duration_seconds | operator_seconds | customer_seconds | silence_seconds
        a       | 12               | 4                | 0                | 8
        """,
        turns="""
        call | who      | from | to
        a    | operator | 8    | 12
        a    | customer | 5    | 3
        """,
        calls="""
        call | seconds
        a    | 10
        """,
    )


def test_turns_of_one_side_that_overlap_or_touch_are_spoken_once() -> None:
    _assert_figures(
        """
        call_id | turns | operator_seconds | overlap_seconds | operator_monologue_seconds
        a       | 4     | 7                | 0               | 6
        """,
        turns="""
        call | who      | from | to
        a    | operator | 0    | 4
        a    | operator | 1    | 2
        a    | operator | 4    | 6
        a    | operator | 7    | 8
        """,
        calls="""
        call | seconds
        a    | 8
        """,
    )


def test_silence_of_three_seconds_is_dead_air_at_the_ends_too() -> None:
    _assert_figures(
        """
        call_id | silence_seconds | dead_airs | dead_air_seconds
        a       | 10.999          | 2         | 7
        """,
        turns="""
        call | who      | from  | to
        a    | operator | 3     | 4
        a    | customer | 6.999 | 8
        a    | operator | 9     | 10
        """,
        calls="""
        call | seconds
        a    | 14
        """,
    )


def test_patience_is_the_median_pause_between_the_customer_and_the_operator() -> None:
    _assert_figures(
        """
        call_id | patience_seconds | pauses
        a       | 1.5              | 2
        b       | 0                | 1
        c       |                  | 0
        d       |                  | 0
        e       | 2                | 1
        """,
        turns="""
        call | who      | from | to  | says
        a    | customer | 0    | 2   | and then a pause of one second
        a    | operator | 3    | 4   |
        a    | customer | 5    | 6   | two seconds
        a    | operator | 8    | 9   |
        a    | customer | 9.5  | 11  | interrupted: no pause
        a    | operator | 10   | 12  |
        b    | customer | 0    | 2   | at once
        b    | operator | 2    | 3   |
        c    | operator | 0    | 2   | his own pause
        c    | operator | 4    | 6   |
        c    | customer | 8    | 10  | the last word
        d    | customer | 0    | 2   | both stop together
        d    | operator | 1    | 2   |
        d    | operator | 4    | 5   |
        e    | customer | 0    | 4   | goes on after the operator stopped
        e    | operator | 2    | 3   |
        e    | operator | 6    | 7   |
        """,
        calls="""
        call | seconds
        a    | 12
        b    | 12
        c    | 12
        d    | 12
        e    | 12
        """,
    )


def test_an_interruption_is_longer_and_later_and_sooner_than_the_thresholds_and_no_back_channel() -> None:
    _assert_figures(
        """
        call_id | operator_interruptions | customer_interruptions
        a       | 1                      | 0
        b       | 0                      | 0
        c       | 0                      | 0
        d       | 0                      | 0
        e       | 0                      | 0
        f       | 0                      | 1
        g       | 1                      | 1
        h       | 0                      | 4
        i       | 1                      | 0
        """,
        turns="""
        call | who      | from  | to    | says
        a    | customer | 0     | 4     | all three thresholds passed by a millisecond
        a    | operator | 3.799 | 4.5   | wait
        b    | customer | 0     | 4     | it lasts 0.7 s, no longer
        b    | operator | 2     | 2.7   | wait
        c    | customer | 1     | 4     | it begins 0.3 s after, no later
        c    | operator | 1.3   | 4.5   | wait
        d    | customer | 0     | 4     | it begins 0.2 s before the end, no sooner
        d    | operator | 3.8   | 4.5   | wait
        e    | customer | 0     | 2     | he waited
        e    | operator | 2     | 4     | no
        f    | operator | 0     | 6     | inside the other's turn
        f    | customer | 2     | 3     | wait
        g    | operator | 0     | 5     | each interrupts once, however long it lasts
        g    | customer | 4     | 9     | wait
        g    | operator | 8     | 12    | wait
        h    | operator | 0     | 11    | back-channels of four languages, and words that are none
        h    | customer | 1     | 1.8   | Yes, I see.
        h    | customer | 2     | 2.8   | Да-да, угу, понятно…
        h    | customer | 3     | 3.8   | Иә, түсінікті!
        h    | customer | 4     | 4.8   | Sim, tá bom.
        h    | customer | 5     | 5.8   | Yes, but wait
        h    | customer | 6     | 6.8   | Да, но подождите
        h    | customer | 7     | 7.8   | Иә, бірақ тоқтаңыз
        h    | customer | 8     | 8.8   | Sim, mas espere
        i    | customer | 0     | 4     | nobody wrote what the operator said
        i    | operator | 2     | 3     |
        """,
        calls="""
        call | seconds
        a    | 12
        b    | 12
        c    | 12
        d    | 12
        e    | 12
        f    | 12
        g    | 12
        h    | 12
        i    | 12
        """,
    )


def test_words_questions_and_switches_are_counted_by_side() -> None:
    _assert_figures(
        """
        call_id | switches | operator_questions | customer_questions | operator_words | customer_words | operator_words_per_minute | customer_words_per_minute
        a       | 2        | 2                  | 0                  | 7              | 3              | 140                       | 90
        b       | 1        |                    |                    |                |                |                           |
        c       | 0        | 0                  | 0                  | 1              | 0              | 60                        |
        """,  # noqa: E501
        turns="""
        call | who      | from | to | says
        a    | operator | 0    | 2  | Алло? Как вас зовут, подскажите??
        a    | customer | 2    | 4  | Айгүл Сәрсен-қызы, здравствуйте.
        a    | operator | 5    | 6  | Жақсы. Рахмет!
        b    | operator | 0    | 2  |
        b    | customer | 2    | 4  |
        c    | operator | 0    | 1  | Oi.
        """,
        calls="""
        call | seconds | grade
        a    | 6       | segments
        b    | 6       | turns
        c    | 6       | segments
        """,
    )


def test_where_roles_are_unknown_only_what_needs_none_is_told() -> None:
    _assert_figures(
        """
        call_id | speech_seconds | unknown_seconds | operator_seconds | customer_seconds | overlap_seconds | switches | talk_ratio | operator_monologue_seconds | customer_interruptions | operator_words
        a       | 6              | 6               |                  |                  | 1               | 1        |            |                            |                        |
        b       | 6              | 3               | 3                |                  | 1               | 1        | 0.5        | 2                          |                        | 0
        """,  # noqa: E501
        turns="""
        call | who      | from | to | says
        a    | 0        | 0    | 3  | x
        a    | 1        | 2    | 5  | x
        b    | operator | 0    | 3  |
        b    | 1        | 2    | 5  | x
        """,
        calls="""
        call | seconds
        a    | 10
        b    | 10
        """,
    )


def test_a_call_of_several_recordings_sums_them_and_is_as_good_as_the_worst() -> None:
    _assert_figures(
        """
        call_id | recordings | grade    | has_separate_channels | duration_seconds | operator_seconds | customer_seconds | silence_seconds | operator_monologue_seconds | switches | day        | company
        a       | 2          | segments | no                    | 15               | 5                | 2                | 8               | 3                          | 1        | 2026-03-02 | acme
        b       | 1          | words    | yes                   | 10               | 0                | 0                | 10              | 0                          | 0        | 2026-03-02 | acme
        """,  # noqa: E501
        turns="""
        call | who      | from | to
        r    | operator | 0    | 2
        r    | customer | 2    | 4
        s    | operator | 1    | 4
        """,
        calls="""
        call | recording | seconds | grade    | channels
        a    | r         | 10      | words    | 2
        a    | s         | 5       | segments | 1
        b    | t         | 10      | words    | 2
        """,
    )


def test_what_is_said_in_one_recording_of_a_call_has_nothing_to_do_with_another() -> None:
    _assert_figures(
        """
        call_id | switches | operator_seconds | customer_seconds | overlap_seconds | silence_seconds | dead_airs | dead_air_seconds | pauses | customer_interruptions | operator_monologue_seconds | customer_monologue_seconds
        a       | 0        | 4                | 4                | 0               | 12              | 2         | 8                | 0      | 0                      | 2                          | 3
        """,  # noqa: E501
        turns="""
        call | who      | from | to
        r    | operator | 0    | 2
        r    | operator | 4    | 6
        s    | customer | 0.5  | 1.5
        s    | customer | 3    | 6
        """,
        calls="""
        call | recording | seconds
        a    | r         | 10
        a    | s         | 10
        """,
    )


def test_words_that_are_listed_are_counted_and_not_read_and_each_unknown_voice_is_a_side() -> None:
    turns = (
        '{"channel":0,"role":"operator","start_seconds":0,"end_seconds":2,"text":"two words",'
        '"words":[{"text":"two"},{"text":"wo"},{"text":"rds"}]},'
        '{"channel":0,"speaker":0,"role":"unknown","start_seconds":3,"end_seconds":4,"text":"x"},'
        '{"channel":0,"speaker":1,"role":"unknown","start_seconds":3,"end_seconds":5,"text":"x"},'
        '{"channel":1,"speaker":1,"role":"unknown","start_seconds":3,"end_seconds":6,"text":"x"}'
    )
    facts = f"""
    call | fact        | at       | says
    a    | transcribed | 05:00:00 | recording_id=r; origin=whisperx; model=m; language=en; grade=words; duration_seconds=6; channels=2; turns=[{turns}]
    """  # noqa: E501
    expected = """
    operator_seconds | operator_words | unknown_seconds | overlap_seconds | switches
    2                | 3              | 6               | 2               | 3
    """
    assert tidy(expected) == draw(warehouse(drawn_events(facts)).sql("from facts.call_talk"), like=expected)


@pytest.mark.parametrize("seed", range(5))
def test_turns_may_stand_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    turns = [
        f"a | {('operator', 'customer')[place % 2]} | {place * 1.7} | {place * 1.7 + 2.1} | word{place}?"
        for place in range(12)
    ]
    calls = """
    call | seconds
    a    | 30
    """
    head = "call | who | from | to | says"
    in_order = _talk("\n".join([head, *turns]), calls).sql("from facts.call_talk").rows()
    chance.shuffle(turns)

    assert in_order == _talk("\n".join([head, *turns]), calls).sql("from facts.call_talk").rows()


def test_the_report_stands_the_figures_beside_the_call() -> None:
    turns = """
    call | who      | from | to
    a    | operator | 0    | 2
    """
    calls = """
    call | seconds
    a    | 4
    """
    ended = "started_at=2026-03-01 20:00:00; talk_seconds=9; direction=incoming; operator=PJSIP/101"
    facts = f"{talk(turns, calls)}\na | ended | 05:10:00 | {ended}"
    expected = """
    call_id | day        | hour | direction | operator_id | team_id | outcome  | operator_seconds | silence_share
    a       | 2026-03-02 | 1    | incoming  | aigul       | sales   | answered | 2                | 0.5
    """
    built = warehouse(drawn_events(facts))

    assert tidy(expected) == draw(built.sql("from reports.talks"), like=expected, names=_NAMES)
