"""A small seeded company whose events are landed into a real warehouse, for tests of questions and pages."""

import io
import math
import random
import struct
import wave
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, open_writer
from schemas import codec, ids
from schemas.accounts import AccountRestricted
from schemas.calls import CallAccepted, CallEnded, CallOffered, CallRang, CallRecordingStored
from schemas.crm import DealCreated, DealWon
from schemas.envelope import Event, event, topic_of
from schemas.instants import instant
from schemas.messages import MessageReceived
from schemas.people import Identity
from schemas.permissions import PermissionRequested
from schemas.transcripts import Beep, CallTranscribed, Turn

COMPANY = "nomad"
ZONE = ZoneInfo("Asia/Almaty")
HOSTILE_NAME = "<script>alert(1)</script> **bold** [x](javascript:alert(1)) :red[boo] $x^2$ \u202egnp.exe"
FORMULA_NAME = '=HYPERLINK("http://evil.example","click")'
TEAMS = (("north", "North"), ("south", "South"), ("online", "Online"))
PEOPLE = ("Aigerim", "Bolat", "Camila", "Daniyar", "Elena", "Felipe", "Gulnara", "Ivan", "João")
NAMES = ("Aliya Sadykova", "Marat Omarov", "Анна Петрова", "João Pereira", "Дана Әбілқызы", "Sergey Kim", "Ana Souza")
COMPANY_TOML = "\n".join(
    [
        f'id = "{COMPANY}"',
        'name = "Nomad Furniture"',
        'time_zone = "Asia/Almaty"',
        'default_region = "KZ"',
        'currency = "KZT"',
        "[hours]",
        *(f'{day} = ["09:00-18:00"]' for day in ("mon", "tue", "wed", "thu", "fri")),
        *(f'[[teams]]\nid = "{team}"\nname = "{name}"' for team, name in TEAMS),
        *(
            f'[[operators]]\nid = "op{number}"\nname = "{name}"\nteam = "{TEAMS[number % 3][0]}"\n'
            f'endpoints = ["PJSIP/10{number}"]'
            for number, name in enumerate(PEOPLE)
        ),
        '[[accounts]]\nid = "pbx"\nsource = "asterisk"\nchannel = "phone"',
        '[[accounts]]\nid = "wa"\nsource = "whatsapp_cloud"\nchannel = "waba"',
        '[[tariffs]]\nid = "line"\naccounts = ["pbx"]\nkind = "fixed"\ncurrency = "KZT"\nmonthly_fee = "25000"',
        '[[tariffs]]\nid = "meta"\naccounts = ["wa"]\nkind = "per_pulse"\ncurrency = "KZT"\n'
        'rates = [{ price_per_minute = "5.97" }]\nrequest_rates = [{ price_per_request = "9.5" }]',
    ]
)


class Record(Struct, frozen=True, kw_only=True):
    """A record as the lander is handed it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0


def build(home: Path, *, today: date, days: int = 21, calls_a_day: int = 660) -> Path:
    """Make a warehouse under `home` with ten thousand seeded calls of the `days` up to `today`; some are recorded."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "company.toml").write_text(COMPANY_TOML, encoding="utf-8")
    land(home, list(events(today=today, days=days, calls_a_day=calls_a_day, recordings=home / "recordings")))
    return home


def land(home: Path, facts: list[Event]) -> None:
    """Land `facts` as the lander would, from offset 0 of every topic."""
    writer = open_writer(AnalyticsSettings(home=home))
    offsets: dict[str, int] = {}
    records: list[Record] = []
    for fact in facts:
        topic = topic_of(fact)
        offsets[topic] = offsets.get(topic, -1) + 1
        records.append(
            Record(
                topic=topic,
                partition=0,
                offset=offsets[topic],
                key=fact.partitionkey.encode(),
                value=codec.encode(fact),
            )
        )
    if records:
        writer.land(Batch(records), now=instant(datetime.now(UTC)))
    writer.close()


def events(*, today: date, days: int, calls_a_day: int, recordings: Path | None = None) -> Iterator[Event]:
    """Draw the facts of every call: the last week loses more calls of team South around noon."""
    drawn = random.Random(7)  # seeded on purpose: the same company each time
    yield _restricted(today - timedelta(days=1))
    yield from _declined(today - timedelta(days=1))
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        busy = calls_a_day if day.isoweekday() <= 5 else calls_a_day // 5
        yield from _in_part(day)
        yield from _request(day)
        for number in range(busy):
            hour = drawn.choices(range(8, 20), weights=(2, 6, 8, 8, 10, 9, 7, 6, 6, 4, 2, 1))[0]
            at = datetime.combine(day, time(hour, drawn.randrange(60), drawn.randrange(60)), tzinfo=ZONE)
            if at > datetime.now(UTC) - timedelta(minutes=3):
                continue
            is_bad = back < 8 and hour in {12, 13}
            yield from _call(drawn, at=at, name=f"{day}-{number}", is_bad=is_bad, recordings=recordings)


def a_single_call(*, today: date) -> list[Event]:
    """Draw the facts of one call of yesterday, which nobody wrote beside."""
    at = datetime.combine(today - timedelta(days=1), time(11, 30), tzinfo=ZONE)
    facts = _call(random.Random(1), at=at, name="single", is_bad=True, recordings=None)
    return [fact for fact in facts if fact.type.startswith("call.")]


def _call(drawn: random.Random, *, at: datetime, name: str, is_bad: bool, recordings: Path | None) -> Iterator[Event]:
    is_waba = drawn.random() < 0.35
    source, account, channel = ("whatsapp_cloud", "wa", "waba") if is_waba else ("asterisk", "pbx", "phone")
    is_incoming = drawn.random() < 0.7
    operator = drawn.choice((1, 4, 7)) if is_bad else drawn.randrange(9)
    client = drawn.randrange(1_000)
    call_id = ids.call_id(source, account, name)
    contact_name = {0: HOSTILE_NAME, 1: FORMULA_NAME}.get(client, NAMES[client % len(NAMES)])
    shared = {
        "call_id": call_id,
        "provider_call_id": name,
        "direction": "incoming" if is_incoming else "outgoing",
        "channel": channel,
        "contact": (Identity("phone", f"+7701{client:07d}"),),
        "contact_name": contact_name,
        "company_number": "+77270000000",
        "operator": f"PJSIP/10{operator}",
        "device": drawn.choice(("phone", "computer")),
    }
    is_answered = drawn.random() < (0.35 if is_bad else 0.8)
    rings = drawn.uniform(3, 30) if is_answered else drawn.uniform(2, 45)
    talks = drawn.uniform(20, 400) if is_answered else 0.0

    def fact(data: Struct, seconds: float, *, lag: float = 0.4) -> Event:
        moment = at + timedelta(seconds=seconds)
        return event(
            data,
            id=ids.fact_id(source, account, type(data).__name__, name),
            source=source,
            account=account,
            company=COMPANY,
            time=instant(moment),
            recordedat=instant(moment + timedelta(seconds=lag)),
            key=call_id,
        )

    yield fact(CallOffered(**shared), 0)
    yield fact(CallRang(**shared), 1)
    if is_answered:
        yield fact(CallAccepted(**shared, answered_by="human"), rings)
    yield fact(
        CallEnded(
            **shared,
            provider_status="COMPLETED",
            disposition="completed" if is_answered else "no_answer",
            talk_seconds=talks,
            answered_by="human" if is_answered else "unknown",
        ),
        rings + talks,
        lag=drawn.choice((0.6, 0.9, 45.0)),
    )
    if is_answered and drawn.random() < 0.015 and recordings is not None:
        yield from _recorded(fact, shared, name=name, after=rings + talks, recordings=recordings, day=at.date())
    if is_answered and client % 5 == 0:
        yield from _deal(at + timedelta(hours=2), client=client, is_won=client % 10 == 0)
    if drawn.random() < 0.2:
        yield _message(at - timedelta(hours=1), name=name, client=client, contact_name=contact_name)


def _recorded(fact, shared, *, name: str, after: float, recordings: Path, day: date) -> Iterator[Event]:  # noqa: ANN001
    recording_id = ids.recording_id("asterisk", "pbx", name)
    path = f"{COMPANY}/{day:%Y/%m/%d}/{recording_id}.wav"
    (recordings / path).parent.mkdir(parents=True, exist_ok=True)
    (recordings / path).write_bytes(tone(seconds=12))
    yield fact(
        CallRecordingStored(**shared, recording_id=recording_id, path=path, sha256="0" * 64, size_bytes=1), after + 2
    )
    said = (
        ("operator", 0.4, 3.0, "Nomad Furniture, good morning, how can I help?"),
        ("customer", 3.4, 6.1, "Сәлеметсіз бе, тапсырысым қайда? <b>order</b> & $5"),
        ("operator", 6.5, 9.0, "Один момент, я посмотрю, где ваш заказ."),
        ("customer", 9.3, 11.5, "Obrigada, eu espero."),
    )
    yield fact(
        CallTranscribed(
            **shared,
            recording_id=recording_id,
            origin="whisperx",
            model="demo",
            is_demo_model=True,
            language="ru",
            grade="segments",
            duration_seconds=12.0,
            channels=2,
            beeps=(Beep(channel=1, start_seconds=4.0, end_seconds=5.0, kind="card"),),
            turns=tuple(
                Turn(
                    channel=int(role == "customer"),
                    role=role,
                    start_seconds=start,
                    end_seconds=end,
                    text=text,
                    confidence=0.9,
                )
                for role, start, end, text in said
            ),
        ),
        after + 9,
    )


def _in_part(day: date) -> Iterator[Event]:
    """Draw calls of a day of which their source cannot tell all: that any was answered, or how long one had rung."""
    at = datetime.combine(day, time(10, 30), tzinfo=ZONE)
    for source, account, channel, ended in (
        ("wazzup", "wz", "whatsapp", {"disposition": "no_answer"}),
        ("kommo", "crm", "phone", {"disposition": "completed", "talk_seconds": 60.0}),
    ):
        call_id = ids.call_id(source, account, f"{day}")
        contact = (Identity("phone", f"+7702{day:%y%m%d}0"),)
        told = CallEnded(
            call_id=call_id,
            provider_call_id=f"{day}",
            direction="incoming",
            channel=channel,
            contact=contact,
            operator="PJSIP/101",
            **ended,
        )
        if at < datetime.now(UTC) - timedelta(minutes=3):
            yield event(
                told,
                id=ids.fact_id(source, account, "CallEnded", f"{day}"),
                source=source,
                account=account,
                company=COMPANY,
                time=instant(at),
                recordedat=instant(at + timedelta(seconds=1)),
                key=call_id,
            )


def _request(day: date) -> Iterator[Event]:
    """Draw how one contact a day is asked whether he may be called."""
    at = datetime.combine(day, time(10), tzinfo=ZONE)
    contact = Identity("phone", f"+7701{day.toordinal() % 1_000:07d}")
    if at < datetime.now(UTC) - timedelta(minutes=3):
        yield event(
            PermissionRequested(contact=(contact,)),
            id=ids.fact_id("whatsapp_cloud", "wa", "PermissionRequested", f"{day}"),
            source="whatsapp_cloud",
            account="wa",
            company=COMPANY,
            time=instant(at),
            recordedat=instant(at + timedelta(seconds=1)),
            key=f"phone:{contact.value}",
        )


def _restricted(day: date) -> Event:
    """Draw how the provider limits an account."""
    at = datetime.combine(day, time(12), tzinfo=ZONE)
    return event(
        AccountRestricted(restriction="calling"),
        id=ids.fact_id("whatsapp_cloud", "wa", "AccountRestricted", f"{day}"),
        source="whatsapp_cloud",
        account="wa",
        company=COMPANY,
        time=instant(at),
        recordedat=instant(at + timedelta(seconds=1)),
        key="wa",
    )


def _declined(day: date) -> Iterator[Event]:
    """Draw three calls of an evening that were declined one after the other."""
    for number in range(3):
        at = datetime.combine(day, time(21, number), tzinfo=ZONE)
        name = f"{day}-declined-{number}"
        call_id = ids.call_id("whatsapp_cloud", "wa", name)
        told = CallEnded(
            call_id=call_id,
            provider_call_id=name,
            direction="outgoing",
            channel="waba",
            contact=(Identity("phone", f"+7702000000{number}"),),
            operator="PJSIP/101",
            disposition="rejected",
            talk_seconds=0.0,
        )
        yield event(
            told,
            id=ids.fact_id("whatsapp_cloud", "wa", "CallEnded", name),
            source="whatsapp_cloud",
            account="wa",
            company=COMPANY,
            time=instant(at),
            recordedat=instant(at + timedelta(seconds=1)),
            key=call_id,
        )


def _deal(at: datetime, *, client: int, is_won: bool) -> Iterator[Event]:
    number = f"{client}-{at:%Y%m%d%H%M}"
    shared = {
        "deal_id": ids.deal_id("kommo", "crm", number),
        "provider_deal_id": number,
        "contact": (Identity("phone", f"+7701{client:07d}"),),
        "amount": "125000.00",
        "currency": "KZT",
    }
    told = [(DealCreated(**shared), at)] + ([(DealWon(**shared), at + timedelta(hours=3))] if is_won else [])
    for fact, moment in told:
        if moment < datetime.now(UTC):
            yield event(
                fact,
                id=ids.fact_id("kommo", "crm", type(fact).__name__, f"{client}-{at}"),
                source="kommo",
                account="crm",
                company=COMPANY,
                time=instant(moment),
                recordedat=instant(moment + timedelta(seconds=2)),
                key=f"+7701{client:07d}",
            )


def _message(at: datetime, *, name: str, client: int, contact_name: str) -> Event:
    phone = f"+7701{client:07d}"
    conversation = ids.conversation_id(COMPANY, "phone", phone)
    written = MessageReceived(
        message_id=ids.message_id("whatsapp_cloud", "wa", name),
        provider_message_id=name,
        conversation_id=conversation,
        channel="waba",
        contact=(Identity("phone", phone),),
        contact_name=contact_name,
        text="Когда привезут диван? <img src=x onerror=alert(1)>",
    )
    return event(
        written,
        id=ids.fact_id("whatsapp_cloud", "wa", "MessageReceived", name),
        source="whatsapp_cloud",
        account="wa",
        company=COMPANY,
        time=instant(at),
        recordedat=instant(at + timedelta(seconds=1)),
        key=conversation,
    )


@cache
def tone(*, seconds: int, rate: int = 8000) -> bytes:
    """Make a two-channel WAV: another note in each ear."""
    frames = bytearray()
    for step in range(seconds * rate):
        frames += struct.pack(
            "<hh",
            int(6000 * math.sin(2 * math.pi * 330 * step / rate)),
            int(6000 * math.sin(2 * math.pi * 440 * step / rate)),
        )
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(frames))
    return written.getvalue()
