"""One row a recording: available, stored and transcribed, whichever was told first."""

from tests.analytics.drawn import call, draw, drawn_events, recording, tidy, warehouse


def test_a_recording_is_what_all_its_facts_say() -> None:
    turns = '[{"channel":0,"role":"operator","start_seconds":0,"end_seconds":1}]'
    facts = f"""
    call | fact                     | at       | says
    a    | offered                  | 05:00:00 |
    a    | transcribed              | 05:09:00 | recording_id=r; origin=whisperx; model=m; language=kk; grade=turns; duration_seconds=61.5; channels=2; turns={turns}
    a    | recording_stored         | 05:08:00 | recording_id=r; path=ab/r.ogg; sha256={"0" * 64}; size_bytes=12345; media_type=audio/ogg
    a    | recording_made_available | 05:07:00 | recording_id=r; url=x; consent=given; channels=1; media_type=audio/mpeg
    a    | recording_made_available | 05:07:30 | recording_id=s; url=x
    """  # noqa: E501
    expected = """
    call_id | recording_id | available_at | stored_at | path     | media_type | size_bytes | channels | duration_seconds | consent | transcribed_at | transcripts | day
    a       | r            | 05:07:00     | 05:08:00  | ab/r.ogg | audio/ogg  | 12345      | 2        | 61.5             | given   | 05:09:00       | 1           | 2026-03-02
    a       | s            | 05:07:30     |           |          |            |            |          |                  | unknown |                | 0           | 2026-03-02
    """  # noqa: E501
    names = {call("a"): "a", recording("r"): "r", recording("s"): "s"}

    assert tidy(expected) == draw(
        warehouse(drawn_events(facts)).sql("from facts.recordings"), like=expected, names=names
    )
