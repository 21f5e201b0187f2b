"""`angime translate` shows the events of a file, or why there are none, the same each time."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from pipelines.translate import RECEIVED_AT, stand_in, translate_files
from schemas.errors import Misconfigured

WHOLE = "application/cloudevents+json"
ENDED = {
    "specversion": "1.0",
    "id": "1",
    "source": "crm",
    "type": "call.ended",
    "time": "2026-03-01T08:00:00Z",
    "data": {"provider_call_id": "c1", "talk_seconds": 3},
}


def written(folder: Path, body: str) -> Path:
    """Write a file to translate."""
    file = folder / "body.json"
    file.write_text(body)
    return file


def test_a_file_is_shown_as_its_events(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(ENDED))

    (shown,) = translate_files("ingest", [file])

    (event,) = shown["events"]
    assert shown.keys() == {"file", "events"}
    assert shown["file"] == str(file)
    assert (event["type"], event["data"]["talk_seconds"], event["recordedat"]) == ("call.ended", 3, RECEIVED_AT)
    assert [shown] == translate_files("ingest", [file])


def test_a_broken_part_is_shown_beside_the_rest(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps([ENDED, ENDED | {"type": "call.sung"}]))

    (shown,) = translate_files("ingest", [file], origin=stand_in("ingest"))

    assert len(shown["events"]) == 1
    assert shown["refused"] == [{"part": "[1]", "reason": "the event type is none of those in docs/events.md"}]


def test_a_file_that_cannot_be_read_as_anything_is_refused_with_its_reason(tmp_path: Path) -> None:
    file = written(tmp_path, "{")

    assert translate_files("ingest", [file]) == [
        {"file": str(file), "refused": "the body is no valid JSON in UTF-8"},
    ]


def test_a_body_without_a_fact_is_shown_as_ignored(tmp_path: Path) -> None:
    file = written(tmp_path, "[]")

    assert translate_files("ingest", [file]) == [{"file": str(file), "ignored": "the batch is empty"}]


@pytest.mark.parametrize("after", ["", ',"type":"call.offered","id":"2"'])
def test_an_event_whose_attributes_stand_in_headers_is_the_same_in_one_piece(tmp_path: Path, after: str) -> None:
    event = ENDED | {"source": "црм %"}
    headers = {f"ce-{name}": quote(str(event[name]), safe=" /:") for name in event if name != "data"}
    told = headers | {"Content-Type": "application/json; charset=utf-8"}

    (apart,) = translate_files("ingest", [written(tmp_path, json.dumps(event["data"]) + after)], headers=told)
    (whole,) = translate_files(
        "ingest", [written(tmp_path, json.dumps(event))], headers=headers | {"content-type": WHOLE}
    )
    (bare,) = translate_files("ingest", [written(tmp_path, " ")], headers=headers)

    assert [one | {"causationid": None} for one in whole["events"]] == [
        one | {"causationid": None} for one in apart["events"]
    ]
    assert "data is not an object" == bare["refused"]


def test_a_form_is_read_by_its_content_type(tmp_path: Path) -> None:
    file = written(tmp_path, "CallSid=CA1&CallStatus=ringing&Direction=inbound&From=%2B77010000001&To=%2B77010000002")

    (shown,) = translate_files("twilio", [file], headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert "refused" not in shown


def test_an_unknown_source_and_a_missing_file_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"'nothing' is unknown; known are .*twilio"):
        translate_files("nothing", [tmp_path])
    with pytest.raises(Misconfigured, match="cannot be read: No such file"):
        translate_files("ingest", [tmp_path / "missing"])


def test_a_providers_transcript_leaves_its_secrets_before_it_is_an_event(tmp_path: Path) -> None:
    said = {
        "call_id": "c1",
        "recording_id": "r1",
        "origin": "provider",
        "model": "vendor",
        "language": "ru",
        "grade": "words",
        "duration_seconds": 9,
        "channels": 2,
        "turns": [
            {
                "channel": 0,
                "role": "customer",
                "start_seconds": 0,
                "end_seconds": 3,
                "text": "Карта 4111111111111111",
                "words": [
                    {"text": "Карта", "start_seconds": 0, "end_seconds": 1},
                    {"text": "4111111111111111", "start_seconds": 1, "end_seconds": 3},
                ],
            }
        ],
    }
    file = written(tmp_path, json.dumps(ENDED | {"type": "call.transcribed", "data": said}))

    (shown,) = translate_files("ingest", [file])

    (event,) = shown["events"]
    assert "4111" not in json.dumps(shown)
    assert (event["data"]["turns"][0]["text"], event["data"]["beeps"]) == (
        "Карта [card]",
        [{"channel": 0, "start_seconds": 0.95, "end_seconds": 3.05, "kind": "card"}],
    )
