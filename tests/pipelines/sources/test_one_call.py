"""What a provider tells of one call, or of one message, in however many parts and under whichever ids, counts once."""

import json
from types import ModuleType

import pytest

from tests.analytics.drawn import warehouse
from tests.pipelines.sources import freeswitch_stories, joined_stories, twilio_stories
from tests.pipelines.sources.conftest import COMPANY
from tests.pipelines.sources.told_calls import Cells, Told, counted, drawn, facts_of

TELLERS = (freeswitch_stories, joined_stories, twilio_stories)


def _named(teller: ModuleType, story: str) -> str:
    return f"{teller.__name__.rpartition('.')[2]}/{story}"


@pytest.fixture(scope="module")
def calls() -> list[Cells]:
    return counted({_named(teller, name): told for teller in TELLERS for name, told in teller.STORIES.items()})


@pytest.mark.parametrize("teller", TELLERS, ids=lambda teller: teller.__name__.rpartition(".")[2])
def test_what_is_one_call_to_a_person_is_counted_once(calls: list[Cells], teller: ModuleType) -> None:
    expected = sorted((_named(teller, story), *cells) for story, *cells in drawn(teller.COUNTED))

    assert expected == [cells for cells in calls if cells[0].startswith(_named(teller, ""))]


def test_the_parts_of_a_long_short_message_are_one_message() -> None:
    said = {
        "msisdn": "77011234567",
        "to": "77272000004",
        "type": "unicode",
        "concat": "true",
        "concat-ref": "03",
        "concat-total": "3",
    }
    parts = [
        said | {"messageId": f"0A{part}", "text": text, "concat-part": part, "message-timestamp": "2026-03-02 10:00:00"}
        for part, text in (("2", "қашан "), ("1", "Сіздер "), ("3", "ашыласыздар?"))
    ]
    tomorrow = {"messageId": "0A9", "text": "Ертең", "concat-part": "1", "message-timestamp": "2026-03-03 10:00:00"}

    events = facts_of(Told("vonage", tuple(json.dumps(one).encode() for one in [*parts, said | tomorrow])))
    told = warehouse(events, (COMPANY,)).sql("select text, events from facts.messages order by first_at")

    assert list(told.iter_rows()) == [("Сіздер қашан ашыласыздар?", 3), ("Ертең", 1)]
