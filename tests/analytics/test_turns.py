"""One row a turn: the best transcript of each recording, numbered by time."""

from tests.analytics.drawn import call, draw, drawn_events, recording, tidy, warehouse

_NAMES = {call("c"): "c", call("d"): "d", recording("r"): "r", recording("s"): "s"}
_HEAD = "language=kk; grade=words; duration_seconds=9; channels=2"


def _turn(text: str, *, channel: int, start: float) -> str:
    role = ("operator", "customer")[channel]
    return (
        f'{{"channel":{channel},"role":"{role}","start_seconds":{start},"end_seconds":{start + 1},"text":"{text}",'
        f'"confidence":0.5,"words":[{{"text":"{text}"}}]}}'
    )


def test_turns_are_those_of_the_best_transcript_of_each_recording() -> None:
    old, new = _turn("old", channel=0, start=0), _turn("new", channel=0, start=0)
    theirs, other = _turn("theirs", channel=0, start=0), _turn("other", channel=1, start=4)
    facts = f"""
    call | fact        | at       | says
    c    | offered     | 05:00:00 |
    c    | transcribed | 06:00:00 | recording_id=r; origin=whisperx; model=a; {_HEAD}; turns=[{old}]
    c    | transcribed | 06:01:00 | recording_id=r; origin=whisperx; model=b; {_HEAD}; turns=[{new}]
    c    | transcribed | 06:02:00 | recording_id=r; origin=provider; model=c; {_HEAD}; turns=[{theirs}]
    c    | transcribed | 06:03:00 | recording_id=s; origin=provider; model=c; {_HEAD}; turns=[{other}]
    d    | offered     | 05:00:00 |
    """
    expected = """
    call_id | recording_id | turn | channel | role     | start_seconds | end_seconds | text  | confidence | company
    c       | r            | 1    | 0       | operator | 0             | 1           | new   | 0.5        | acme
    c       | s            | 1    | 1       | customer | 4             | 5           | other | 0.5        | acme
    """
    built = warehouse(drawn_events(facts))

    assert tidy(expected) == draw(built.sql("from facts.turns"), like=expected, names=_NAMES)


def test_turns_are_numbered_by_their_beginning() -> None:
    turns = ",".join(
        [_turn("third", channel=1, start=5), _turn("first", channel=0, start=0), _turn("second", channel=1, start=0)]
    )
    facts = f"""
    call | fact        | at       | says
    c    | transcribed | 06:00:00 | recording_id=r; origin=whisperx; model=a; {_HEAD}; turns=[{turns}]
    """
    expected = """
    turn | text
    1    | first
    2    | second
    3    | third
    """
    built = warehouse(drawn_events(facts))

    assert tidy(expected) == draw(built.sql("from facts.turns"), like=expected)
    assert [("first",)] == built.sql("select words ->> '$[0].text' from facts.turns where turn = 1").rows()


def test_the_day_of_a_turn_is_the_day_of_its_call() -> None:
    facts = f"""
    call | leg | fact        | at                  | says
    c    | a   | ended       | 2026-03-02 19:10:00 | started_at=2026-03-02 18:55:00; talk_seconds=60
    c    |     | transcribed | 2026-03-04 06:00:00 | recording_id=r; origin=whisperx; model=a; {_HEAD}; turns=[{_turn("x", channel=0, start=0)}]
    """  # noqa: E501
    built = warehouse(drawn_events(facts))
    days = built.sql("select turns.day, calls.day from facts.turns join facts.calls using (call_id)").rows()

    assert [("2026-03-02", "2026-03-02")] == [(str(turn), str(whole)) for turn, whole in days]


def test_a_missed_call_and_an_empty_transcript_have_no_turns() -> None:
    facts = f"""
    call | fact        | at       | says
    c    | ended       | 05:00:30 | disposition=no_answer
    d    | transcribed | 06:00:00 | recording_id=r; origin=whisperx; model=a; {_HEAD}
    """
    built = warehouse(drawn_events(facts))

    assert [] == built.sql("from facts.turns").rows()
    assert [(True,)] == built.sql("select has_transcript from facts.calls where has_transcript").rows()
