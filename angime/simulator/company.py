"""The simulated company on paper: teams, operators, hours, connected numbers, and its `company.toml`."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from angime.simulator.trackers import LISTENED_FOR

COMPANY = "demo"
TIME_ZONE = "Asia/Almaty"
MARK = "# Written by `angime demo`; delete the folder it lies in to have it made anew.\n"
HOURS = {
    "mon": (9, 19),
    "tue": (9, 19),
    "wed": (9, 19),
    "thu": (9, 19),
    "fri": (9, 19),
    "sat": (10, 16),
}
# Month and day of Kazakhstan's public holidays that keep their date.
HOLIDAYS = (
    *((1, 1), (1, 2), (1, 7), (3, 8), (3, 21), (3, 22), (3, 23), (5, 1), (5, 7), (5, 9)),
    *((7, 6), (8, 30), (10, 25), (12, 16)),
)
TEST_NUMBER = "+77270000199"

# Made up, but for the price of a WhatsApp minute to Kazakhstan, which is the order of what is asked there.
PRICES = """
[[currency_rates]]
currency = "USD"
rate = "510.25"

[[tariffs]]
id = "whatsapp"
accounts = ["waba-sales", "waba-care"]
kind = "per_pulse"
currency = "KZT"
rates = [
  { countries = ["KZ"], price_per_minute = "5.97" },
  { countries = ["KZ"], price_per_minute = "5.37", above_minutes = 1000 },
  { price_per_minute = "14.5" },
]
request_rates = [{ countries = ["KZ"], price_per_request = "5.8" }, { price_per_request = "31.25" }]

[[tariffs]]
id = "international"
accounts = ["twilio-line"]
kind = "per_minute"
currency = "USD"
direction = "both"
rates = [{ countries = ["BR"], price_per_minute = "0.018" }, { price_per_minute = "0.055" }]

[[tariffs]]
id = "office"
accounts = ["office"]
kind = "fixed"
currency = "KZT"
direction = "both"
monthly_fee = "45000"
"""

Auth = Literal["basic", "bearer"]


class Line(Struct, frozen=True, kw_only=True):
    """A connected number: what the provider calls it (`provider_id`), and the teams that answer it."""

    account: str
    source: str
    channel: str
    number: str
    provider_id: str
    language: str
    teams: tuple[str, ...]
    business_id: str = ""
    fetch_auth: Auth = "bearer"
    channel_roles: tuple[str, str] | None = None


class Person(Struct, frozen=True, kw_only=True):
    """An operator, and the extension of his or her telephone."""

    id: str
    name: str
    team: str
    extension: int

    @property
    def endpoints(self) -> tuple[str, ...]:
        """What providers call this person: the telephone, the softphone in the browser, the user in the inbox."""
        return (f"PJSIP/{self.extension}", f"client:{self.id}", self.id)


TEAMS = {"north": "Sales North", "south": "Sales South", "support": "Support", "care": "Customer care"}
_NAMES = {
    "north": {
        "aliya": "Алия Сәтбаева",
        "maxim": "Максим Орлов",
        "dinara": "Динара Оспанова",
        "ruslan": "Руслан Ким",
        "zhanar": "Жанар Төлеген",
    },
    "south": {
        "olga": "Ольга Белова",
        "nurlan": "Нұрлан Смағұл",
        "kamila": "Камила Исаева",
        "andrey": "Андрей Громов",
        "saule": "Сәуле Қасымова",
    },
    "support": {
        "igor": "Игорь Лебедев",
        "madina": "Мадина Бекова",
        "tiago": "Thiago Ribeiro",
        "elena": "Елена Волкова",
        "sanzhar": "Санжар Әбдіров",
    },
    "care": {
        "gulnaz": "Гүлназ Ермекова",
        "kairat": "Қайрат Мұратбек",
        "yulia": "Юлия Соколова",
        "aidos": "Айдос Жұмабек",
        "asel": "Асель Нұрғали",
    },
}
PEOPLE = tuple(
    Person(id=id_, name=name, team=team, extension=100 + 20 * team_number + number)
    for team_number, (team, names) in enumerate(_NAMES.items())
    for number, (id_, name) in enumerate(names.items(), start=1)
)
PERSON = {person.id: person for person in PEOPLE}

SALES = Line(
    account="waba-sales",
    source="whatsapp_cloud",
    channel="waba",
    number="+77000009001",
    provider_id="106540352242922",
    business_id="102290129340398",
    language="ru",
    teams=("north", "south"),
    channel_roles=("operator", "customer"),
)
CARE = Line(
    account="waba-care",
    source="whatsapp_cloud",
    channel="waba",
    number="+77000009002",
    provider_id="106540352242977",
    business_id="102290129340398",
    language="kk",
    teams=("care",),
    channel_roles=("operator", "customer"),
)
INTERNATIONAL = Line(
    account="twilio-line",
    source="twilio",
    channel="phone",
    number="+551150280000",
    provider_id="AC" + hashlib.md5(b"angime demo", usedforsecurity=False).hexdigest(),
    language="pt",
    teams=("support",),
    fetch_auth="basic",
    # An inbound caller is the parent call, and Twilio records the parent in the first channel.
    channel_roles=("customer", "operator"),
)
OFFICE = Line(
    account="office",
    source="asterisk",
    channel="phone",
    number="+77272500100",
    provider_id="pbx",
    language="ru",
    teams=("north", "south", "support"),
)
# No line to talk on: the company's own module tells of deals and contacts through our door.
CRM = Line(account="crm", source="ingest", channel="other", number="", provider_id="crm", language="ru", teams=())
LINES = {line.account: line for line in (SALES, CARE, INTERNATIONAL, OFFICE, CRM)}


class Secrets(Struct, frozen=True, kw_only=True):
    """What provider and company know of one account: the signing secret, and what opens its recordings."""

    signing: str
    fetching: str
    verifying: str


@cache
def secrets_of(line: Line, *, seed: int) -> Secrets:
    """Give the made-up secrets of a line; they protect invented data on this machine only."""

    def made(use: str) -> str:
        return hashlib.sha256(f"{seed}/{line.account}/{use}".encode()).hexdigest()[:32]

    fetching = f"{line.provider_id}:{made('fetch')}" if line.fetch_auth == "basic" else made("fetch")
    return Secrets(signing=made("sign"), fetching=fetching, verifying=made("verify"))


def secret_files(folder: Path, *, seed: int) -> dict[Path, str]:
    """List the files that hold the secrets, for whoever writes them with mode 0600."""
    return {
        folder / f"{line.account}.{use}": text
        for line in LINES.values()
        for use, text in (
            ("signing", secrets_of(line, seed=seed).signing),
            ("fetching", secrets_of(line, seed=seed).fetching),
            ("verifying", secrets_of(line, seed=seed).verifying),
        )
    }


def company_toml(*, secrets_folder: Path, recordings_host: str, first_day: date, last_day: date) -> str:
    """Write `company.toml`: secrets as references to files, holidays of the years that the story touches."""
    years = range(first_day.year, last_day.year + 1)
    holidays = [date(year, month, day).isoformat() for year in years for month, day in HOLIDAYS]
    lines = [
        MARK,
        f'id = "{COMPANY}"',
        'name = "Дала Хоум"',
        f'time_zone = "{TIME_ZONE}"',
        'default_region = "KZ"',
        'currency = "KZT"',
        'permission_policy = "meta"',
        f"holidays = [{', '.join(holidays)}]",
        f'test_numbers = ["{TEST_NUMBER}"]',
        "",
        "[hours]",
        *(f'{day} = ["{opens:02d}:00-{closes:02d}:00"]' for day, (opens, closes) in HOURS.items()),
        "",
        "[thresholds]",
        "short_abandon_seconds = 5",
        "service_level_seconds = 20",
    ]
    for team, name in TEAMS.items():
        lines += _table("teams", {"id": team, "name": name})
    for person in PEOPLE:
        fields = {"id": person.id, "name": person.name, "team": person.team, "endpoints": list(person.endpoints)}
        lines += _table("operators", fields)
    for line in LINES.values():
        lines += _table("accounts", _account(line, secrets_folder=secrets_folder, recordings_host=recordings_host))
        if line.source == "whatsapp_cloud":
            # What we hand to Meta with a call comes back in its webhooks: we hand over who of us is on it.
            lines += ["", "[accounts.settings]", 'callback_data = "operator"']
    return "\n".join([*lines, PRICES, LISTENED_FOR])


def _account(line: Line, *, secrets_folder: Path, recordings_host: str) -> Mapping[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {
        "id": line.account,
        "source": line.source,
        "channel": line.channel,
        "address": line.number,
        "language": line.language,
        "secrets": [f"file:{secrets_folder / line.account}.signing"],
    }
    if line.source == "whatsapp_cloud":
        fields["verify_secret"] = f"file:{secrets_folder / line.account}.verifying"
    if line.channel_roles is not None:
        fields |= {
            "fetch_secret": f"file:{secrets_folder / line.account}.fetching",
            "fetch_auth": line.fetch_auth,
            "recording_hosts": [recordings_host],
            "channel_roles": list(line.channel_roles),
        }
    return fields


def _table(name: str, fields: Mapping[str, str | list[str]]) -> list[str]:
    # JSON's strings and lists of strings are TOML's, too.
    return ["", f"[[{name}]]", *(f"{key} = {json.dumps(field, ensure_ascii=False)}" for key, field in fields.items())]
