"""Published versions never change, every example still decodes, and every refusal keeps its reason."""

import json
from pathlib import Path

import jsonschema
import pytest

from angime import printing
from schemas.catalogue import EVENT_TYPES, EventType
from schemas.codec import decode, encode
from schemas.errors import InvalidEvent
from schemas.upcasters import STEPS

VERSIONS = printing.VERSIONS
PASSING = sorted(VERSIONS.glob("*/*.pass.json"))
FAILING = sorted(VERSIONS.glob("*/*.fail.json"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", PASSING, ids=_name)
def test_every_example_ever_committed_becomes_todays_event(path: Path) -> None:
    event = decode(path.read_bytes())

    newest = EVENT_TYPES[path.parent.name]
    assert event.dataschema == newest.dataschema
    assert type(event.data) is newest.struct
    assert decode(encode(event)) == event


@pytest.mark.parametrize("path", FAILING, ids=_name)
def test_every_wrong_example_is_refused_for_its_stated_reason(path: Path) -> None:
    wrong = json.loads(path.read_text())

    with pytest.raises(InvalidEvent) as refusal:
        decode(json.dumps(wrong["event"]).encode())

    assert refusal.value.reason == wrong["reason"]


@pytest.mark.parametrize("path", PASSING, ids=_name)
def test_every_example_holds_to_the_schema_of_its_own_version(path: Path) -> None:
    event = json.loads(path.read_text())
    version = path.name.partition(".")[0]
    schema = json.loads((path.parent / f"{version}.schema.json").read_text())
    envelope = json.loads((VERSIONS / "envelope.schema.json").read_text())

    jsonschema.Draft202012Validator(envelope).validate(event)
    jsonschema.Draft202012Validator(schema).validate(event["data"])

    assert event["dataschema"] == f"{path.parent.name}/{version}"


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=lambda one: one.name)
def test_the_published_schema_of_the_newest_version_is_the_structs(event_type: EventType) -> None:
    assert json.loads(printing.schema_file(event_type).read_text()) == json.loads(
        json.dumps(printing.data_schema(event_type))
    )


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=lambda one: one.name)
def test_every_version_has_a_schema_and_examples_and_a_way_to_the_next(event_type: EventType) -> None:
    folder = VERSIONS / event_type.name
    for version in range(1, event_type.version + 1):
        assert (folder / f"{version}.schema.json").is_file()
        assert list(folder.glob(f"{version}.*.pass.json"))
        assert list(folder.glob(f"{version}.*.fail.json"))
    steps = [(event_type.name, version) for version in range(1, event_type.version)]
    assert [step for step in STEPS if step[0] == event_type.name] == steps


def test_no_file_is_an_orphan() -> None:
    expected = {VERSIONS / "envelope.schema.json"}
    for event_type in EVENT_TYPES.values():
        for version in range(1, event_type.version + 1):
            expected |= set((VERSIONS / event_type.name).glob(f"{version}.*.json"))

    assert {path for path in VERSIONS.rglob("*") if path.is_file()} == expected


def test_the_first_version_of_call_ended_says_the_same_in_todays_words() -> None:
    event = decode((VERSIONS / "call.ended" / "1.whole.pass.json").read_bytes())

    assert (event.data.talk_seconds, event.data.disposition) == (294.0, "completed")


def test_asyncapi_names_each_topic_and_message_once() -> None:
    document = printing.asyncapi()

    used = {
        message["$ref"].rpartition("/")[2]
        for channel in document["channels"].values()
        for message in channel["messages"].values()
    }
    assert used == set(document["components"]["messages"])
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].rpartition("/")[2] in document["channels"]
