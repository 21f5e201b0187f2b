"""Raw records to canonical events: the normaliser beside others, which translate with the same pure function.

Each runs in a process of its own, over the same topic of the same broker, and what is compared is events a second of
processor time, the client's own threads included. quixstreams and bytewax live in environments of their own.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from angime.simulator.company import COMPANY, LINES, Line
from angime.simulator.delivery import Parcel, whatsapp_parcels
from angime.simulator.house import Told, furnish
from angime.simulator.traffic import tell
from angime.simulator.whatsapp import Change, changes_of_call, changes_of_message
from pipelines.kafka.broker import Producer
from schemas.ids import raw_id
from schemas.instants import from_epoch
from schemas.records import RawRecord, raw_to_kafka
from tests.environments import BYTEWAX, QUIXSTREAMS, make_environment

SEED = 5
NOW = 1_790_000_000
DAYS, CALLS = 30, 6_000
FLUSH_EVERY = 10_000
ROOT = Path(__file__).parents[2]
# Each with the module that does the work with it.
YARDSTICKS = {"quixstreams": (QUIXSTREAMS, "quix_normaliser.py"), "bytewax": (BYTEWAX, "bytewax_normaliser.py")}
# What the pure translation needs, in the others' own environments, at the versions that are pinned here.
SHARED = tuple(f"{name}=={version(name)}" for name in ("cryptography", "msgspec", "phonenumbers", "tzdata"))


def furnish_home(home: Path) -> None:
    """Leave the simulated company's file in `home`, so that its accounts are known."""
    furnish(home, told=Told(seed=SEED, now=NOW, days=DAYS, calls=CALLS), recordings_host="127.0.0.1")


def fill(producer: Producer) -> int:
    """Write one source's mixed traffic onto `raw`, an item a body as Meta mostly sends them; gives how many."""
    count = 0
    for count, raw in enumerate(_records(), start=1):
        key, value, headers = raw_to_kafka(raw)
        producer.send("raw", key=key, value=value, headers=headers)
        if count % FLUSH_EVERY == 0:
            producer.flush()
    producer.flush()
    return count


def ours(bootstrap: str, home: Path, *, count: int, transport: str) -> float:
    """Events a second of processor time of `pipelines.normalise`, with its validation and its commits."""
    return _measure([sys.executable, "-m", "tests.bench.own_normaliser"], bootstrap, home, count=count, word=transport)


def translating(bootstrap: str, home: Path, *, count: int) -> float:
    """Events a second of processor time of the translation alone, which all of them share: their ceiling."""
    word = uuid.uuid4().hex
    return _measure([sys.executable, "-m", "tests.bench.translating_alone"], bootstrap, home, count=count, word=word)


def install(folder: Path, name: str) -> Path | None:
    """Give a Python that has this yardstick, None where none is published for the Python that runs here."""
    package, _ = YARDSTICKS[name]
    try:
        return make_environment(folder / name, (package, *SHARED))
    except subprocess.CalledProcessError:
        return None


def yardstick(name: str, python: Path, bootstrap: str, home: Path, *, count: int) -> float:
    """Events a second of processor time of one that decodes, translates, keys and routes, and validates nothing."""
    module = Path(__file__).with_name(YARDSTICKS[name][1])
    return _measure([str(python), str(module)], bootstrap, home, count=count, word=uuid.uuid4().hex)


def _measure(command: list[str], bootstrap: str, home: Path, *, count: int, word: str) -> float:
    environ = os.environ | {"ANGIME_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, bootstrap, str(count), word], env=environ, check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["events"] / told["cpu_seconds"]


def whatsapp_traffic() -> Iterator[tuple[Line, Parcel]]:
    """Pack the simulated company's WhatsApp calls and messages, an item a body, with the line that each came over."""
    chance = random.Random(SEED)
    story = tell(seed=SEED, now=NOW, days=DAYS, calls=CALLS)
    for line in LINES.values():
        if line.source != "whatsapp_cloud":
            continue
        changes: list[Change] = []
        for call in story.calls:
            if call.account == line.account and call.contact is not None:
                changes += changes_of_call(chance, call, line=line, contact=call.contact)
        for message in story.messages:
            if message.account == line.account:
                changes += changes_of_message(message, line=line)
        for parcel in whatsapp_parcels(changes, line=line, changes_a_body=1):
            yield line, parcel


def _records() -> Iterator[RawRecord]:
    for line, parcel in whatsapp_traffic():
        yield RawRecord(
            raw_id=raw_id(line.source, line.account, hashlib.sha256(parcel.content).hexdigest()),
            source=line.source,
            account=line.account,
            company=COMPANY,
            received_at=from_epoch(parcel.at),
            content_type=parcel.content_type,
            body=parcel.content,
        )
