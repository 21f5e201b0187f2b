"""A simulated company in a warehouse in memory: its story, through the real translators, in the order of delivery."""

import hashlib
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from analytics.folding.scratch import Scratch, scratch
from analytics.questions import Period
from angime.simulator.company import company_toml
from angime.simulator.delivery import parcels
from angime.simulator.story import Story
from angime.simulator.traffic import tell
from pipelines.sources import SOURCES
from schemas.company import Company, parse_company
from schemas.envelope import Event
from schemas.ids import raw_id
from schemas.records import RawRecord
from tests.analytics.oracle_of_talk import talks, told

NOW = int(datetime(2026, 3, 18, 12, 30, tzinfo=UTC).timestamp())  # a Wednesday, 17:30 in Almaty
DAYS = 25
CALLS = 640
WHOLE = Period(date(2026, 1, 1), date(2026, 3, 31))


@cache
def story() -> Story:
    """Tell the story, the same each time."""
    return tell(seed=11, now=NOW, days=DAYS, calls=CALLS)


def warehouse() -> Scratch:
    """Build a warehouse of the story's events."""
    text = company_toml(
        secrets_folder=Path("secrets"), recordings_host="127.0.0.1:9", first_day=WHOLE.first, last_day=WHOLE.last
    )
    company = parse_company(text)
    built = scratch([company])
    built.load_events(landed(company=company))
    built.build()
    return built


def landed(*, company: Company) -> list[Event]:
    """Give the events that the providers' webhooks become, each once, in the order of their delivery, and transcripts.

    What is said in the demonstration is heard by a small model; here it is drawn, so that it is known.
    """
    found: dict[str, Event] = {}
    accounts = {account.id: account for account in company.accounts}
    for parcel in parcels(story(), audio={}):
        account = accounts[parcel.account]
        raw = RawRecord(
            raw_id=raw_id(account.source, account.id, hashlib.sha256(parcel.body).hexdigest()),
            source=account.source,
            account=account.id,
            company=company.id,
            received_at=f"{datetime.fromtimestamp(parcel.at, UTC):%Y-%m-%dT%H:%M:%S}.000Z",
            content_type=parcel.content_type if parcel.form is None else "application/x-www-form-urlencoded",
            body=parcel.body,
        )
        translated = SOURCES[account.source].translate(raw, company=company, account=account)
        for event in translated.events:
            found.setdefault(event.id, event)
    said = [told(talk, company_id=company.id) for talk in talks(story())]
    return [*found.values(), *said]
