"""Turns: drawn segments in, the order of speaking out."""

from schemas.transcripts import Turn, Word
from streams.turns import Segment, Span, grade, is_bleed, turns, with_roles

OPERATOR, CUSTOMER = 0, 1


def segment(
    channel: int,
    start_seconds: float,
    end_seconds: float,
    *,
    text: str = "x",
    confidence: float | None = None,
    words: tuple[Word, ...] = (),
) -> Segment:
    span = Span(channel=channel, start_seconds=start_seconds, end_seconds=end_seconds)
    return Segment(span=span, text=text, confidence=confidence, words=words)


def drawn(made: tuple[Turn, ...]) -> list[tuple[str, float, float, str]]:
    return [(turn.role, turn.start_seconds, turn.end_seconds, turn.text) for turn in made]


def test_speakers_take_turns_in_the_order_in_which_they_began() -> None:
    heard = [
        segment(CUSTOMER, 2.0, 3.0, text="I want to ask about my order."),
        segment(OPERATOR, 0.5, 1.6, text="Good morning."),
        segment(OPERATOR, 3.4, 4.0, text="Your number please."),
    ]
    expected = [
        ("operator", 0.5, 1.6, "Good morning."),
        ("customer", 2.0, 3.0, "I want to ask about my order."),
        ("operator", 3.4, 4.0, "Your number please."),
    ]
    assert expected == drawn(turns(heard, roles=("operator", "customer")))


def test_a_pause_shorter_than_eight_tenths_of_a_second_belongs_to_the_turn() -> None:
    heard = [segment(OPERATOR, 0.0, 1.0, text="Good"), segment(OPERATOR, 1.79, 2.0, text="morning.")]
    assert drawn(turns(heard, roles=("operator", "customer"))) == [("operator", 0.0, 2.0, "Good morning.")]


def test_a_pause_of_eight_tenths_of_a_second_ends_the_turn() -> None:
    heard = [segment(OPERATOR, 0.0, 1.0), segment(OPERATOR, 1.8, 2.0)]
    assert len(turns(heard, roles=("operator", "customer"))) == 2


def test_a_word_of_the_other_side_does_not_cut_a_turn() -> None:
    heard = [
        segment(OPERATOR, 0.0, 2.0, text="Your parcel"),
        segment(CUSTOMER, 2.1, 2.4, text="yes"),
        segment(OPERATOR, 2.6, 4.0, text="arrives tomorrow."),
    ]
    expected = [("operator", 0.0, 4.0, "Your parcel arrives tomorrow."), ("customer", 2.1, 2.4, "yes")]
    assert expected == drawn(turns(heard, roles=("operator", "customer")))


def test_nothing_heard_is_no_turns() -> None:
    assert turns([], roles=("operator", "customer")) == ()


def test_a_channel_without_a_role_is_of_an_unknown_speaker() -> None:
    assert drawn(turns([segment(2, 0.0, 1.0)], roles=("operator", "customer"))) == [("unknown", 0.0, 1.0, "x")]


def test_a_turn_is_as_sure_as_its_segments_by_their_seconds() -> None:
    heard = [
        segment(OPERATOR, 0.0, 3.0, confidence=0.9),
        segment(OPERATOR, 3.1, 4.1, confidence=0.5),
        segment(OPERATOR, 4.2, 9.0),
    ]
    assert [turn.confidence for turn in turns(heard, roles=("operator",))] == [0.8]


def test_a_turn_ends_with_its_last_word_and_holds_those_of_all_its_segments_in_their_order() -> None:
    words = [Word(text=text, start_seconds=start, end_seconds=start) for text, start in (("one", 0.0), ("two", 3.0))]
    heard = [
        segment(OPERATOR, 3.0, 3.5, text="two", words=(words[1],)),
        segment(OPERATOR, 0.0, 4.0, text="one", words=(words[0],)),
        segment(OPERATOR, 3.6, 3.7, text=""),
    ]
    [made] = turns(heard, roles=("operator",))

    assert (0.0, 4.0, "one two", tuple(words)) == (made.start_seconds, made.end_seconds, made.text, made.words)


def test_turns_that_begin_at_once_stand_in_the_order_of_their_channels() -> None:
    heard = [segment(CUSTOMER, 1.0, 2.0, text="b"), segment(OPERATOR, 1.0, 3.0, text="a")]

    assert ["a", "b"] == [turn.text for turn in turns(heard, roles=("operator", "customer"))]


def test_a_segment_without_length_says_nothing_of_how_sure_its_turn_is() -> None:
    heard = [segment(OPERATOR, 1.0, 1.0, confidence=0.9)]

    assert [None] == [turn.confidence for turn in turns(heard, roles=("operator",))]


def test_a_turn_of_which_nobody_is_sure_has_no_confidence() -> None:
    assert [turn.confidence for turn in turns([segment(OPERATOR, 0.0, 1.0)], roles=("operator",))] == [None]


def test_a_voice_is_bleed_when_another_channel_is_more_than_six_decibels_louder() -> None:
    span = Span(channel=CUSTOMER, start_seconds=0.0, end_seconds=1.0)
    assert is_bleed(span, levels_decibels=(-20.0, -26.1))
    assert not is_bleed(span, levels_decibels=(-20.0, -26.0))


def test_a_voice_on_the_only_channel_is_never_bleed() -> None:
    assert not is_bleed(Span(channel=0, start_seconds=0.0, end_seconds=1.0), levels_decibels=(-60.0,))


def test_the_grade_is_words_only_when_every_word_has_its_time() -> None:
    placed = Word(text="yes", start_seconds=0.1, end_seconds=0.4)
    lost = Word(text="no")
    roles = ("operator", "customer")
    assert grade(turns([segment(0, 0, 1, text="yes", words=(placed,))], roles=roles)) == "words"
    assert grade(turns([segment(0, 0, 1, text="yes no", words=(placed, lost))], roles=roles)) == "segments"
    assert grade(turns([segment(0, 0, 1, text="yes")], roles=roles)) == "segments"
    begun = Word(text="no", start_seconds=0.5)
    assert grade(turns([segment(0, 0, 1, text="yes no", words=(placed, begun))], roles=roles)) == "segments"
    silent = [segment(0, 0, 1, text="yes", words=(placed,)), segment(1, 2, 3, text="")]
    assert grade(turns(silent, roles=roles)) == "words"
    told = [segment(0, 0, 1, text="yes", words=(placed,)), segment(1, 2, 3, text="no")]
    assert grade(turns(told, roles=roles)) == "segments"
    assert grade(turns([segment(0, 0, 1, text="")], roles=roles)) == "turns"
    assert grade(()) == "turns"


def test_a_voice_that_comes_back_after_the_other_in_one_channel_begins_a_turn() -> None:
    voices = [(0, 0.0, 2.0), (1, 2.1, 2.4), (0, 2.6, 4.0)]
    heard = [
        Segment(span=Span(channel=0, start_seconds=start, end_seconds=end, speaker=speaker), text="x")
        for speaker, start, end in voices
    ]
    made = turns(heard, roles=())

    assert voices == [(turn.speaker, turn.start_seconds, turn.end_seconds) for turn in made]
    assert ["customer", "operator", "customer"] == [turn.role for turn in with_roles(made, first_voice="customer")]
    assert made == with_roles(made, first_voice="unknown")


def test_of_several_voices_the_first_two_have_roles_and_a_third_and_whole_channels_have_none() -> None:
    heard = [
        Segment(span=Span(channel=0, start_seconds=2.0 * nth, end_seconds=2.0 * nth + 1, speaker=speaker), text="x")
        for nth, speaker in enumerate((0, 1, 2, None))
    ]
    named = with_roles(turns(heard, roles=("operator",)), first_voice="customer")

    assert ["customer", "operator", "unknown", "operator"] == [turn.role for turn in named]
