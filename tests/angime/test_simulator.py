"""The simulated company: the same story each time, all that can happen in it, and payloads as vendors write them."""

import base64
import csv
import hashlib
import hmac
import io
import itertools
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, get_args

import httpx
import polars as pl
import pytest
from twilio.request_validator import RequestValidator

from angime.simulator import asterisk, company, delivery, people, truth
from angime.simulator.delivery import Audio, Parcel
from angime.simulator.freshness import Freshness
from angime.simulator.house import Told, furnish, recall
from angime.simulator.live import callers, live_call, live_calls, live_messages
from angime.simulator.recordings import LANGUAGES, RecordingServer, Spoken, speak
from angime.simulator.story import Call, Contact, Leg, Outcome, Story
from angime.simulator.traffic import is_open, tell
from schemas.company import parse_company
from schemas.errors import Misconfigured
from tests.analytics import simulated

NOW = int(datetime(2026, 3, 18, 12, 30, tzinfo=UTC).timestamp())  # a Wednesday, 17:30 in Almaty
SEED = 7
SECONDS = 40
LENGTHS = tuple((LANGUAGES[number % 3], SECONDS) for number in range(12))


def silence(language: str, number: int) -> Spoken:
    return Spoken(language=language, seconds=SECONDS, content=f"{number}".encode(), media_type="audio/wav")


def audio_of(story: Story) -> dict[str, Audio]:
    return {one.id: Audio(url=f"http://127.0.0.1:9/{one.id}", content=one.id.encode()) for one in story.recordings}


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(seed=SEED, now=NOW, spoken=LENGTHS)


@pytest.fixture(scope="module")
def packed(story: Story) -> tuple[Parcel, ...]:
    return delivery.parcels(story, audio=audio_of(story))


def bodies(packed: tuple[Parcel, ...], account: str) -> list[dict[str, Any]]:
    return [json.loads(parcel.content) for parcel in packed if parcel.account == account]


def changes(packed: tuple[Parcel, ...], account: str = "waba-sales") -> Iterator[dict[str, Any]]:
    for body in bodies(packed, account):
        for entry in body["entry"]:
            yield from entry["changes"]


def wa_calls(packed: tuple[Parcel, ...]) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for change in changes(packed):
        for item in change["value"].get("calls", []):
            told[item["id"]].append(item)
    return told


def cdr_rows(packed: tuple[Parcel, ...]) -> Iterator[dict[str, str]]:
    for parcel in packed:
        if parcel.account == "office" and parcel.content_type == "text/csv":
            lines = csv.reader(io.StringIO(parcel.content.decode()))
            yield from (dict(zip(asterisk.COLUMNS, line, strict=True)) for line in lines)


def test_the_same_seed_and_moment_tell_the_same_story() -> None:
    first, second = (tell(seed=3, now=NOW, days=14, calls=200) for _ in range(2))

    assert first == second
    assert delivery.parcels(first, audio={}) == delivery.parcels(second, audio={})
    assert first != tell(seed=4, now=NOW, days=14, calls=200)


@pytest.mark.parametrize("seed", [1, 2, 99])
def test_two_months_hold_what_the_demo_promises(seed: int) -> None:
    told = tell(seed=seed, now=NOW, spoken=LENGTHS)

    operators = {call.operator for call in told.calls if call.operator is not None}
    assert len(told.calls) >= 8_000
    assert len(told.messages) >= 20_000
    assert len(told.recordings) >= 12
    assert len(operators) == 20
    assert {call.outcome for call in told.calls} == set(get_args(Outcome))
    assert {call.source for call in told.calls} == {"whatsapp_cloud", "twilio", "asterisk"}


def test_history_ends_now_and_begins_two_months_before(story: Story) -> None:
    begun = [call.began_at for call in story.calls]

    assert max(begun) < NOW
    assert max(begun) > NOW - 3_600
    assert min(begun) < NOW - 59 * 86_400
    assert max(message.sent_at for message in story.messages) < NOW


def test_talk_and_times_of_a_call_agree(story: Story) -> None:
    for call in story.calls:
        is_talk = call.talk_seconds > 0
        assert is_talk == (call.outcome == "answered") == (call.answered_at is not None)
        assert (call.ended_at is None) == (call.outcome == "in_progress")
        moments = [call.began_at, call.rang_at or call.began_at, call.answered_at, call.ended_at]
        known = [moment for moment in moments if moment is not None]
        assert known == sorted(known)


def test_no_operator_talks_in_two_calls_at_once(story: Story) -> None:
    talks: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for call in story.calls:
        for leg in call.legs:
            if leg.answered_at is not None:
                talks[leg.operator].append((leg.answered_at, leg.ended_at))
        if call.direction != "incoming" and call.operator and call.answered_at and call.ended_at:
            talks[call.operator].append((call.answered_at, call.ended_at))

    overlaps = [
        (earlier, later)
        for spans in talks.values()
        for earlier, later in itertools.pairwise(sorted(spans))
        if later[0] < earlier[1]
    ]
    # A second operator may be rung, and a call handed to somebody, a moment before his own call is over.
    assert len(overlaps) < len(story.calls) * 0.01


def test_missed_callers_are_mostly_reached_in_the_end(story: Story) -> None:
    calls_of: dict[str, list[Call]] = defaultdict(list)
    for call in story.calls:
        if call.contact is not None:
            calls_of[call.contact.user_id].append(call)
    missed = [
        call
        for call in story.calls
        if call.outcome == "missed" and call.contact is not None and call.began_at < NOW - 4 * 86_400
    ]
    reached = [
        call
        for call in missed
        if call.contact is not None
        and any(
            later.outcome == "answered" and 0 < later.began_at - call.began_at < 3 * 86_400
            for later in calls_of[call.contact.user_id]
        )
    ]
    assert 0.5 < len(reached) / len(missed) < 0.95


def test_the_south_misses_more_at_lunch_in_the_last_week(story: Story) -> None:
    def missed_share(*, is_last_week: bool) -> float:
        calls = [
            call
            for call in story.calls
            if call.account == "office"
            and call.legs
            and company.PERSON[call.legs[0].operator].team == "south"
            and call.direction == "incoming"
            and datetime.fromtimestamp(call.began_at, asterisk.ZONE).hour in {12, 13}
            and is_open(call.began_at)
            and (call.began_at >= NOW - 7 * 86_400) == is_last_week
        ]
        return sum(call.outcome == "missed" for call in calls) / len(calls)

    assert missed_share(is_last_week=True) > 1.5 * missed_share(is_last_week=False)


def test_truth_agrees_with_itself(story: Story) -> None:
    mismatches = truth.compare(story, read_sql=lambda text, _: as_reported(story, text))

    assert mismatches == []


def test_a_surname_takes_the_form_of_the_first_name(story: Story) -> None:
    names = {call.contact.name for call in story.calls if call.contact is not None}
    formed = {name: name.endswith(("ова", "ева")) for name in names if re.search("[ое]ва?$", name)}
    assert {name: name.split()[0] in people.WOMEN for name in formed} == formed
    assert {True, False} == set(formed.values())


def test_every_difference_is_named_without_a_phone_number(story: Story) -> None:
    def with_faults(text: str) -> pl.DataFrame:
        rows = as_reported(story, text)
        if "facts.messages" in text:
            return rows.with_columns(pl.col("messages") + 1)
        return rows[1:].with_columns(
            outcome=pl.lit("missed"), talk_seconds=pl.lit(0.5), contact_key=pl.lit("phone:+77000000000")
        )

    mismatches = truth.compare(story, read_sql=lambda text, _: with_faults(text))

    fields = Counter(mismatch.field for mismatch in mismatches)
    assert fields["call"] == 1
    assert fields["talk_seconds"] == len(story.calls) - 1
    assert fields["messages"] == len(truth.count_messages(story.messages))
    assert {"outcome", "contact"} <= set(fields)
    assert not [mismatch for mismatch in mismatches if re.search(r"\+\d{6}", str(mismatch))]


def test_an_unknown_call_of_the_past_is_a_mismatch_and_one_of_later_is_not(story: Story) -> None:
    stranger = {"provider_call_id": "wacid.other", "started_ms": NOW * 1000}
    later = {"provider_call_id": "wacid.later", "started_ms": NOW * 1000 + 1}

    def with_strangers(text: str) -> pl.DataFrame:
        rows = as_reported(story, text)
        if "facts.messages" in text:
            return rows
        return pl.concat([rows, pl.DataFrame([stranger, later])], how="diagonal")

    mismatches = truth.compare(story, read_sql=lambda text, _: with_strangers(text))

    assert mismatches == [truth.Mismatch(call="wacid.other", field="call", expected="no such call", actual="reported")]


def test_messages_after_the_end_of_a_story_are_the_live_ones_of_an_earlier_demo() -> None:
    built, told = simulated.warehouse(), simulated.story()

    def messages_that_differ() -> list[truth.Mismatch]:
        return [one for one in truth.compare(told, read_sql=built.sql) if one.field == "messages"]

    twice = "insert into facts.messages select * replace (make_timestamptz(($at)::bigint * 1000000) as first_at)"
    assert messages_that_differ() == []
    built.connection.execute(f"{twice} from facts.messages", {"at": told.now + 1})
    assert messages_that_differ() == []
    built.connection.execute(f"{twice} from facts.messages limit 1", {"at": told.now})
    assert len(messages_that_differ()) == 1


def test_live_messages_begin_after_the_end_of_the_story(story: Story) -> None:
    contact = next(call.contact for call in story.calls if call.contact is not None)
    letters = live_messages(random.Random(1), contact, after=NOW, now=NOW + 30)

    assert [letter.at for letter in letters if letter.at <= NOW] == []


def as_reported(story: Story, text: str) -> pl.DataFrame:
    """Give what a warehouse that is right would answer."""
    if "facts.messages" in text:
        counted = truth.count_messages(story.messages)
        return pl.DataFrame(
            [
                {"account": account, "direction": direction, "status": status, "messages": count}
                for (account, direction, status), count in counted.items()
            ]
        )
    recorded = {one.call_id for one in story.recordings}
    return pl.DataFrame(
        [row_of(call, is_recorded=call.id in recorded) for call in story.calls], infer_schema_length=None
    )


def row_of(call: Call, *, is_recorded: bool) -> dict[str, Any]:
    operator = truth.operator_known(call)
    return {
        "provider_call_id": call.id,
        "account": call.account,
        "source": call.source,
        "direction": call.direction,
        "outcome": call.outcome,
        "started_ms": call.began_at * 1000,
        "answered_ms": call.answered_at * 1000 if call.answered_at is not None else None,
        "talk_seconds": float(call.talk_seconds),
        "operator_id": operator,
        "team_id": company.PERSON[operator].team if operator else None,
        "contact_key": truth.contact_key(call.contact),
        "has_transcript": is_recorded,
    }


def test_meta_signs_the_raw_body_with_the_app_secret(packed: tuple[Parcel, ...]) -> None:
    parcel = next(parcel for parcel in packed if parcel.account == "waba-care")
    secret = company.secrets_of(company.CARE, seed=SEED).signing

    signed = delivery.headers(parcel, url="http://127.0.0.1:8080" + parcel.path, seed=SEED)

    expected = "sha256=" + hmac.new(secret.encode(), parcel.body, hashlib.sha256).hexdigest()
    assert signed["x-hub-signature-256"] == expected
    assert parcel.path == "/hooks/whatsapp_cloud/waba-care"


def test_twilios_own_validator_accepts_every_form(packed: tuple[Parcel, ...]) -> None:
    validator = RequestValidator(company.secrets_of(company.INTERNATIONAL, seed=SEED).signing)
    forms = [parcel for parcel in packed if parcel.form is not None][:200]
    url = "http://127.0.0.1:8080/hooks/twilio/twilio-line"

    accepted = [
        validator.validate(url, parcel.form, delivery.headers(parcel, url=url, seed=SEED)["x-twilio-signature"])
        for parcel in forms
    ]

    assert accepted == [True] * 200


def test_asterisk_shows_its_token(packed: tuple[Parcel, ...]) -> None:
    parcel = next(parcel for parcel in packed if parcel.account == "office")

    shown = delivery.headers(parcel, url="", seed=SEED)["authorization"]

    assert shown == f"Bearer {company.secrets_of(company.OFFICE, seed=SEED).signing}"


def test_a_webhook_body_holds_several_entries_changes_and_items(packed: tuple[Parcel, ...]) -> None:
    body = bodies(packed, "waba-sales")[0]

    assert body["object"] == "whatsapp_business_account"
    assert len(body["entry"]) == 2
    assert len(body["entry"][0]["changes"]) > 1
    assert any(len(change["value"].get("statuses", [])) > 1 for change in changes(packed))
    assert any(len(change["value"].get("messages", [])) > 1 for change in changes(packed))


def test_meta_says_completed_also_where_nobody_picked_up(story: Story, packed: tuple[Parcel, ...]) -> None:
    told = wa_calls(packed)
    missed = next(call for call in story.calls if call.account == "waba-sales" and call.outcome == "missed")

    end = next(item for item in told[missed.id] if item["event"] == "terminate")

    assert end["status"].upper() == "COMPLETED"
    assert {"start_time", "end_time", "duration"} & set(end) == set()


def test_a_failed_call_carries_a_duration_all_the_same(story: Story, packed: tuple[Parcel, ...]) -> None:
    told = wa_calls(packed)
    failed = next(
        call
        for call in story.calls
        if call.account == "waba-sales" and call.outcome == "failed" and call.direction == "incoming"
    )

    end = next(item for item in told[failed.id] if item["event"] == "terminate")

    assert (end["status"].upper(), end["duration"]) == ("FAILED", 20)


def test_a_call_without_permission_fails_with_its_code(story: Story, packed: tuple[Parcel, ...]) -> None:
    refused = {call.id: call.error_code for call in story.calls if call.outcome == "not_permitted"}

    told = {
        change["value"]["calls"][0]["id"]: change["value"]["errors"][0]["code"]
        for account in ("waba-sales", "waba-care")
        for change in changes(packed, account)
        if "errors" in change["value"]
    }

    assert {id_: told[id_] for id_ in refused} == refused
    assert set(refused.values()) <= {138006, 138009, 138012}


def test_some_contacts_show_a_user_id_and_no_number(packed: tuple[Parcel, ...]) -> None:
    cards = [card for change in changes(packed, "waba-care") for card in change["value"].get("contacts", [])]

    hidden = [card for card in cards if "wa_id" not in card]

    assert hidden
    assert all(card["user_id"].startswith("KZ.") for card in hidden)


def test_permission_replies_are_interactive_messages(packed: tuple[Parcel, ...]) -> None:
    replies = [
        item["interactive"]["call_permission_reply"]
        for change in changes(packed)
        for item in change["value"].get("messages", [])
        if item["type"] == "interactive"
    ]

    assert {reply["response"] for reply in replies} == {"accept", "reject"}
    assert {reply["response_source"] for reply in replies} == {"user_action", "automatic"}
    assert {reply["is_permanent"] for reply in replies} == {True, False}


def test_a_recording_is_announced_as_meta_documents_it(story: Story, packed: tuple[Parcel, ...]) -> None:
    expected = {one.call_id: one for one in story.recordings if one.account == "waba-sales"}

    announced = {
        id_: item["call_recording"]["audio"]
        for id_, items in wa_calls(packed).items()
        for item in items
        if item["event"] == "call_recording_available"
    }

    assert set(announced) == set(expected)
    for id_, one in announced.items():
        sha256 = base64.b64encode(hashlib.sha256(expected[id_].id.encode()).digest()).decode()
        assert (one["id"], one["sha256"]) == (expected[id_].id, sha256)


def test_twilio_numbers_its_callbacks_and_writes_rfc_2822_times(story: Story, packed: tuple[Parcel, ...]) -> None:
    call = next(
        call
        for call in story.calls
        if call.source == "twilio" and call.direction == "incoming" and call.outcome == "answered"
    )
    forms = {
        (parcel.form["CallSid"] == call.id, parcel.form["CallStatus"]): parcel.form
        for parcel in packed
        if parcel.form is not None
        and call.id in {parcel.form["CallSid"], parcel.form.get("ParentCallSid")}
        and "CallStatus" in parcel.form
    }

    leg = [forms[False, status]["SequenceNumber"] for status in ("initiated", "ringing", "in-progress", "completed")]

    assert leg == ["0", "1", "2", "3"]
    assert forms[True, "completed"]["CallDuration"] == str(call.talk_seconds)
    assert parsedate_to_datetime(forms[True, "completed"]["Timestamp"]).timestamp() == call.ended_at
    assert forms[False, "ringing"]["To"] == f"client:{call.operator}"


def test_cdr_rows_are_as_cdr_csv_writes_them() -> None:
    contact = Contact(number="+77000001234", name='Анна "А"', language="ru", country="KZ", user_id="KZ.1")
    call = Call(
        id="1773835200.25",
        account="office",
        source="asterisk",
        direction="incoming",
        outcome="answered",
        contact=contact,
        began_at=1_773_835_200,
        answered_at=1_773_835_210,
        ended_at=1_773_835_270,
        talk_seconds=60,
        legs=(
            Leg(operator="olga", rang_at=1_773_835_200, answered_at=1_773_835_210, ended_at=1_773_835_270),
            Leg(operator="saule", rang_at=1_773_835_200, answered_at=None, ended_at=1_773_835_210),
        ),
    )

    written = asterisk.csv_lines([row for _, row in asterisk.rows(call, line=company.OFFICE, contact=contact)])

    assert written.decode().splitlines() == [
        '"","87000001234","7272500100","from-trunk","""Анна ""А"""" <87000001234>","PJSIP/trunk-kz-00000019",'
        '"PJSIP/121-0000001a","Dial","PJSIP/121,40,tTr","2026-03-18 17:00:00","2026-03-18 17:00:10",'
        '"2026-03-18 17:01:10",70,60,"ANSWERED","DOCUMENTATION","1773835200.25","","","1773835200.25",250',
        '"","87000001234","7272500100","from-trunk","""Анна ""А"""" <87000001234>","PJSIP/trunk-kz-00000019",'
        '"PJSIP/125-0000001b","Dial","PJSIP/125,40,tTr","2026-03-18 17:00:00",,'
        '"2026-03-18 17:00:10",10,0,"NO ANSWER","DOCUMENTATION","1773835200.25","","","1773835200.25",251',
    ]


def test_menus_and_mailboxes_are_answered_rows(packed: tuple[Parcel, ...]) -> None:
    machines = [row for row in cdr_rows(packed) if row["lastapp"] in {"WaitExten", "VoiceMail"}]

    assert {row["lastapp"] for row in machines} == {"WaitExten", "VoiceMail"}
    assert {(row["disposition"], row["dstchannel"]) for row in machines} == {("ANSWERED", "")}
    assert all(int(row["billsec"]) > 0 for row in machines)


def test_rows_of_one_call_share_its_linkedid_and_differ_in_sequence(story: Story, packed: tuple[Parcel, ...]) -> None:
    calls = {call.id for call in story.calls if call.source == "asterisk"}
    sequences: dict[str, set[str]] = defaultdict(set)
    for row in cdr_rows(packed):
        sequences[row["linkedid"]].add(row["sequence"])

    assert set(sequences) <= calls
    assert max(len(rows) for rows in sequences.values()) >= 3


def test_some_things_come_twice_some_late_and_some_before_what_they_follow(packed: tuple[Parcel, ...]) -> None:
    sent = Counter((parcel.account, parcel.body) for parcel in packed)
    order: dict[str, list[str]] = defaultdict(list)
    late = 0
    for parcel in packed:
        if parcel.form is not None and "Timestamp" in parcel.form:
            order[parcel.form["CallSid"]].append(parcel.form["CallStatus"])
            late += parcel.at - parsedate_to_datetime(parcel.form["Timestamp"]).timestamp() > 86_400

    assert sum(count > 1 for count in sent.values()) > 50
    assert late > 10
    assert sum("initiated" in told and told.index("initiated") > 0 for told in order.values()) > 10


def test_the_whole_story_takes_few_requests(packed: tuple[Parcel, ...]) -> None:
    assert len(packed) <= 12_000
    assert max(len(parcel.body) for parcel in packed) < 200_000
    assert [parcel.at for parcel in packed] == sorted(parcel.at for parcel in packed)


def test_the_companys_file_is_one_that_we_read(tmp_path: Path) -> None:
    text = company.company_toml(
        secrets_folder=tmp_path, recordings_host="127.0.0.1:9", first_day=date(2025, 12, 1), last_day=date(2026, 1, 31)
    )

    read = parse_company(text)

    assert (len(read.teams), len(read.operators), len(read.accounts)) == (4, 20, 5)
    assert date(2025, 12, 16) in read.holidays
    assert read.accounts[2].recording_hosts == ("127.0.0.1:9",)
    assert not [secret for secret in company.secret_files(tmp_path, seed=1).values() if secret in text]


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    told = recall(tmp_path, seed=1, days=61, calls=100)

    furnish(tmp_path, told=told, recordings_host="127.0.0.1:9")

    files = list((tmp_path / "secrets").iterdir())
    assert len(files) == 15
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert recall(tmp_path, seed=1, days=61, calls=100) == told


def test_a_home_keeps_its_story_and_somebodys_own_company_is_left_alone(tmp_path: Path) -> None:
    furnish(tmp_path, told=Told(seed=1, now=NOW, days=61, calls=100), recordings_host="127.0.0.1:9")
    with pytest.raises(Misconfigured, match="holds the demo of seed 1, 61 days, 100 calls"):
        recall(tmp_path, seed=2, days=61, calls=100)

    (tmp_path / "company.toml").write_text('id = "ours"\n', encoding="utf-8")
    with pytest.raises(Misconfigured, match="give the demo a home of its own"):
        recall(tmp_path, seed=1, days=61, calls=100)


def test_recordings_are_handed_out_for_the_right_token_only(story: Story) -> None:
    server = RecordingServer(seed=SEED)
    try:
        addresses = server.hold(story, spoken=speak(seed=SEED, source=silence))
        recorded = next(one for one in story.recordings if one.account == "twilio-line")
        user, _, password = company.secrets_of(company.INTERNATIONAL, seed=SEED).fetching.partition(":")
        with httpx.Client(trust_env=False) as client:
            url = addresses[recorded.id].url
            answers = [
                client.get(url),
                client.get(url, auth=(user, "wrong")),
                client.get(url, auth=(user, password)),
                client.get(url + ".wav?RequestedChannels=2", auth=(user, password)),
                client.get(url + "0", auth=(user, password)),
            ]
    finally:
        server.close()

    assert [answer.status_code for answer in answers] == [401, 401, 200, 200, 404]
    assert answers[2].content == addresses[recorded.id].content


def test_a_recorded_call_is_as_long_as_its_recording(story: Story) -> None:
    calls = {call.id: call for call in story.calls}

    recorded = [calls[one.call_id] for one in story.recordings]

    assert {call.talk_seconds for call in recorded} == {SECONDS}
    assert {call.outcome for call in recorded} == {"answered"}
    assert len({call.id for call in recorded}) == len(recorded)


def test_a_live_call_begins_after_the_story_and_ends_by_now(story: Story) -> None:
    chance = random.Random(1)  # a test's luck
    contact = next(callers(story, chance=chance))

    one = live_call(chance, contact, after=NOW, now=NOW + 10)

    begins, ends = (json.loads(parcel.content)["entry"][0]["changes"][0] for parcel in (one.begins, one.ends))
    assert one.call.began_at == NOW + 1
    assert one.call.ended_at == NOW + 10
    assert begins["value"]["calls"][0]["event"] == "connect"
    assert ends["value"]["calls"][0]["duration"] == one.call.talk_seconds > 0


@pytest.mark.parametrize("seconds", [25, 300])
def test_no_operator_is_in_two_live_calls_at_once(story: Story, seconds: int) -> None:
    chance = random.Random(1)  # a test's luck

    live = live_calls(chance, callers(story, chance=chance), after=NOW, now=NOW + seconds, count=50)

    talks = sorted((one.call.operator, one.call.answered_at, one.call.ended_at) for one in live)
    in_turn = [(ended, answered) for (one, _, ended), (other, answered, _) in itertools.pairwise(talks) if one == other]
    assert len(in_turn) == 40
    assert all(ended <= answered for ended, answered in in_turn)
    assert all(NOW < one.call.began_at < one.call.answered_at < one.call.ended_at <= NOW + seconds for one in live)


def test_of_a_live_call_of_ours_it_is_told_that_it_rang_and_was_accepted(story: Story) -> None:
    chance = random.Random(1)  # a test's luck
    contact = next(callers(story, chance=chance))

    one = live_call(chance, contact, after=NOW, now=NOW + 40, direction="outgoing")

    values = [json.loads(parcel.content)["entry"][0]["changes"][0]["value"] for parcel in one.told]
    items = [value.get("calls", value.get("statuses"))[0] for value in values]
    said = [item.get("event") or item["status"].upper() for item in items]
    assert said == ["connect", "RINGING", "ACCEPTED", "terminate"]
    assert (one.call.direction, one.call.outcome) == ("outgoing", "answered")


def test_freshness_names_the_wait_that_95_of_100_kept_to() -> None:
    waits = tuple(float(number) for number in range(1, 101))

    assert Freshness(calls=(), seconds=waits).p95_seconds == 95.0
    assert Freshness(calls=(), seconds=(0.5,)).p95_seconds == 0.5
