"""One row a recording: available, stored and transcribed, whichever was told first."""

from tests.analytics.drawn import call, draw, drawn_events, recording, tidy, warehouse


def test_a_recording_is_what_all_its_facts_say() -> None:
    turns = '[{"channel":0,"role":"operator","start_seconds":0,"end_seconds":1}]'
    facts = f"""
    call | fact                     | at       | says
    a    | offered                  | 05:00:00 |
    a    | transcribed              | 05:09:00 | recording_id=r; origin=whisperx; model=m; language=kk; grade=turns; duration_seconds=61.5; channels=2; turns={turns}
    a    | recording_stored         | 05:08:00 | recording_id=r; path=ab/r.ogg; sha256={"0" * 64}; size_bytes=12345; media_type=audio/ogg
    a    | recording_made_available | 05:07:00 | recording_id=r; url=x; consent=given; channels=1; media_type=audio/mpeg; duration_seconds=60; expires_at=06:00:00
    a    | recording_made_available | 05:07:30 | recording_id=s; url=x
    b    | recording_made_available | 05:07:00 | recording_id=t; url=x; consent=refused; channels=1; media_type=audio/mpeg; duration_seconds=60; expires_at=06:00:00
    b    | recording_made_available | 05:07:10 | recording_id=t; url=y; consent=given; channels=2; media_type=audio/wav; duration_seconds=70; expires_at=07:00:00
    b    | recording_made_available | 05:07:20 | recording_id=t; url=z; expires_at=05:30:00
    c    | recording_stored         | 05:08:00 | recording_id=u; path=ab/u.ogg; sha256={"0" * 64}; size_bytes=1; media_type=audio/ogg
    c    | recording_stored         | 05:08:10 | recording_id=u; path=ab/u.wav; sha256={"1" * 64}; size_bytes=2; media_type=audio/wav
    c    | transcribed              | 05:09:00 | recording_id=u; origin=provider; model=m; language=kk; grade=turns; duration_seconds=3; channels=1; turns={turns}
    c    | transcribed              | 05:09:10 | recording_id=u; origin=whisperx; model=m; language=kk; grade=turns; duration_seconds=4; channels=2; turns={turns}
    """  # noqa: E501
    expected = """
    call_id | recording_id | available_at | expires_at | stored_at | path     | media_type | size_bytes | channels | duration_seconds | consent | transcribed_at | transcripts | day
    a       | r            | 05:07:00     | 06:00:00   | 05:08:00  | ab/r.ogg | audio/ogg  | 12345      | 2        | 61.5             | given   | 05:09:00       | 1           | 2026-03-02
    a       | s            | 05:07:30     |            |           |          |            |            |          |                  | unknown |                | 0           | 2026-03-02
    b       | t            | 05:07:00     | 07:00:00   |           |          | audio/mpeg |            | 1        | 60               | given   |                | 0           | 2026-03-02
    c       | u            |              |            | 05:08:00  | ab/u.ogg | audio/ogg  | 1          | 1        | 3                | unknown | 05:09:00       | 2           | 2026-03-02
    """  # noqa: E501
    names = {call(name): name for name in "abc"} | {recording(name): name for name in "rstu"}

    assert tidy(expected) == draw(
        warehouse(drawn_events(facts)).sql("from facts.recordings"), like=expected, names=names
    )
