"""Company data is read whole, or refused with one sentence that says where."""

from datetime import date

import pytest

from schemas.company import parse_company
from schemas.errors import Misconfigured
from schemas.secret_references import resolve_secret

GOOD = """
id = "demo"
name = "Демо"
time_zone = "Asia/Almaty"
default_region = "KZ"

[hours]
mon = ["09:00-13:00", "14:00-18:00"]

[[teams]]
id = "south"
name = "Оңтүстік"

[[operators]]
id = "aigul"
name = "Айгүл"
team = "south"
endpoints = ["PJSIP/101"]

[[accounts]]
id = "main"
source = "twilio"
channel = "phone"
secrets = ["env:TWILIO_TOKEN", "file:secrets/old"]
"""


def test_a_whole_company_is_read() -> None:
    company = parse_company(GOOD)

    account = company.account("main")
    assert account is not None
    assert (company.zone_of(account), company.region_of(account)) == ("Asia/Almaty", "KZ")
    assert company.operators[0].endpoints == ("PJSIP/101",)
    assert company.account("other") is None


def test_dated_hours_hold_on_their_days_and_those_of_the_week_on_all_others() -> None:
    dated = '[[dated_hours]]\nfrom = 2026-03-01\nuntil = 2026-04-01\nhours = { mon = ["10:00-12:00"] }\n\n[[accounts]]'
    company = parse_company(GOOD.replace("[[accounts]]", dated))
    days = (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1))

    usual, other = ("09:00-13:00", "14:00-18:00"), ("10:00-12:00",)
    assert [company.hours_on(day)["mon"] for day in days] == [usual, other, other, usual]


def test_an_area_code_of_an_account_stands_behind_the_companys_country() -> None:
    company = parse_company(GOOD.replace('channel = "phone"', 'area_code = "727"'))

    assert [company.region_of(account) for account in company.accounts] == ["KZ 727"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"Asia/Almaty"', '"Almaty"', "line 4: time_zone 'Almaty' is not known; write it like Asia/Almaty"),
        ('channel = "phone"', 'time_zone = "Almaty"', "line 23: time_zone 'Almaty' is not known"),
        (
            '"env:TWILIO_TOKEN"',
            '"s3cret"',
            "line 24: must be env:NAME or file:PATH, never the secret itself (accounts.0.secrets.0)",
        ),
        ('channel = "phone"', 'channel = "fax"', "(accounts.0.channel): write one of email, instagram, "),
        (
            'channel = "phone"',
            'chanel = "phone"',
            "line 23: unknown name (accounts.0.chanel): write one of id, source, channel, ",
        ),
        ("[hours]", "hour = 1\n[hours]", "line 7: unknown name (hour): write one of id, name, time_zone, "),
        ("mon = ", "monday = ", "line 8: unknown name (hours.monday): write one of fri, mon, sat, sun, thu, tue, wed"),
        ('team = "south"', 'team = "north"', "line 17: operator 'aigul' is in team 'north', which is not listed"),
        ('"09:00-13:00"', '"13:00-09:00"', "line 8: hours.mon: write each span like 09:00-13:00"),
        ('"09:00-13:00"', '"09:00-15:00"', "line 8: hours.mon: spans must follow each other without overlap"),
        ('id = "main"', "id = ", "line 21"),
        ('endpoints = ["PJSIP/101"]', 'endpoints = ["a", "a"]', "line 18: endpoint 'a' stands twice"),
        ("[[operators]]", '[[teams]]\nid = "south"\nname = "S"\n\n[[operators]]', "line 14: team 'south' stands twice"),
        (
            'name = "Оңтүстік"',
            'name = "a"\n\n[[teams]]\nid = "south"\nname = "b"',
            "line 14: team 'south' stands twice",
        ),
        (
            "[[accounts]]",
            '[[accounts]]\nid = "main"\nsource = "waha"\n[[accounts]]',
            "line 23: account 'main' stands twice",
        ),
        (
            "[[accounts]]",
            '[[operators]]\nid = "aigul"\nname = "A"\nteam = "south"\n[[accounts]]',
            "line 20: operator 'aigul' stands twice",
        ),
        (
            "[[accounts]]",
            '[[operators.seats]]\nendpoint = "PJSIP/101"\nfrom = 2026-01-01\n[[accounts]]',
            "line 20: endpoint 'PJSIP/101' is taken by two on 2026-01-01",
        ),
        (
            "[[accounts]]",
            '[[operators.seats]]\nendpoint = "x"\nfrom = 2026-01-01\nuntil = 2026-01-01\n[[accounts]]',
            "line 20: the seat at 'x' ends before it begins",
        ),
        (
            "[[accounts]]",
            '[[operators.memberships]]\nteam = "west"\n[[accounts]]',
            "line 21: operator 'aigul' is in team 'west', which is not listed",
        ),
        (
            "[[accounts]]",
            '[[trackers]]\nid = "price"\nname = "P"\nphrases = { ru = [] }\n[[accounts]]',
            "line 20: tracker 'price' has no phrase",
        ),
        (
            "[[accounts]]",
            "[[dated_thresholds]]\nfrom = 2026-01-01\n[[dated_thresholds]]\nuntil = 2026-02-01\n[[accounts]]",
            "line 22: two [[dated_thresholds]] hold on 2026-01-01",
        ),
        (
            "[[accounts]]",
            "[[dated_thresholds]]\nfrom = 2026-01-01\nservice_level_seconds = 0\n[[accounts]]",
            "line 22: Expected int >= 1",
        ),
        (
            "[[accounts]]",
            '[[dated_hours]]\nfrom = 2026-01-01\nhours = { mon = ["18:00-09:00"] }\n[[accounts]]',
            "line 22: dated_hours.mon: write each span like 09:00-13:00",
        ),
        (
            "[[accounts]]",
            "[[dated_hours]]\nhours = {}\n[[accounts]]",
            "line 20: dated_hours need hours of one weekday at least; see holidays",
        ),
        (
            "[[accounts]]",
            '[[dated_hours]]\nfrom = 2026-01-01\nuntil = 2025-01-01\nhours = { mon = ["09:00-18:00"] }\n[[accounts]]',
            "line 20: a time from 2026-01-01 until 2025-01-01 is empty",
        ),
        (
            "[[accounts]]",
            '[[dated_numbers]]\nnumber = "+7 701"\nkind = "test"\n[[dated_numbers]]\nnumber = "+7701"\nkind = "test"\n'
            "from = 2026-01-01\n[[accounts]]",
            "line 23: two [[dated_numbers]] hold on 2026-01-01 for test +7701",
        ),
        ('[[teams]]\nid = "south"\nname = "Оңтүстік"', "", "line 15: operator 'aigul' is in team 'south'"),
    ],
)
def test_each_mistake_gets_one_sentence(old: str, new: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        parse_company(GOOD.replace(old, new), file="company.toml")

    assert sentence in refusal.value.reason
    assert refusal.value.reason.startswith("company.toml")
    assert "\n" not in refusal.value.reason
    assert "s3cret" not in refusal.value.reason


def test_a_secret_comes_from_the_environment_or_a_file() -> None:
    files = {"secrets/a": "from file\n"}

    assert resolve_secret("env:A", environ={"A": "from env"}, read=files.__getitem__) == "from env"
    assert resolve_secret("file:secrets/a", environ={}, read=files.__getitem__) == "from file"


def test_a_missing_secret_says_how_to_mend_it() -> None:
    def read(name: str) -> str:
        raise FileNotFoundError(name)

    with pytest.raises(Misconfigured, match="set the environment variable A"):
        resolve_secret("env:A", environ={}, read=read)
    with pytest.raises(Misconfigured, match="write it into the file secrets/a"):
        resolve_secret("file:secrets/a", environ={}, read=read)
