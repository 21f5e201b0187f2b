"""The digest: what stands in its mail, its picture and its PDF, in each language."""

import json
import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import polars as pl
import pytest

from analytics.questions import Misconfigured
from dashboards import digest, poster
from dashboards.digest import PRESETS
from dashboards.poster import Told
from dashboards.settings import DashboardsSettings
from dashboards.texts import texts
from tests.dashboards import seed


def write(home: Path, folder: Path, *, preset: str = "week", language: str = "en", company: str = "") -> digest.Written:
    settings = DashboardsSettings(home=home)
    return digest.write(
        settings, company=company, preset=preset, language=language, folder=folder, now=datetime.now(UTC)
    )


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "Answer rate"), ("ru", "Доля отвеченных"), ("kk", "үлес"), ("pt", "atendimento")]
)
def test_a_digest_is_a_mail_a_picture_and_a_pdf(
    seeded_home: Path, tmp_path: Path, language: str, expected: str
) -> None:
    written = write(seeded_home, tmp_path, language=language)
    html = written.html.read_text(encoding="utf-8")
    mail = message_from_bytes(written.mail.read_bytes(), policy=policy.default)
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert (True, False, False) == (expected in html, "{" in html, "<script" in html)
    first, last = re.findall(r"-(\d{8})", written.html.name)
    week = timedelta(days=7)
    before = texts(language).days(*(datetime.strptime(day, "%Y%m%d").date() - week for day in (first, last)))  # noqa: DTZ007  # a day
    assert before in html
    assert ["text/plain", "text/html", "image/png"] == kinds
    assert (b"\x89PNG", b"%PDF") == (written.png.read_bytes()[:4], written.pdf.read_bytes()[:4])


def test_every_picture_of_a_mail_is_in_the_mail(seeded_home: Path, tmp_path: Path) -> None:
    written = write(seeded_home, tmp_path, preset="month")
    mail = message_from_bytes(written.mail.read_bytes(), policy=policy.default)
    body = mail.get_body(("html",))
    assert body is not None
    assert ("cid:trend" in body.get_content(), "http" in written.html.read_text(encoding="utf-8")) == (True, False)


def test_a_company_that_is_not_there_is_refused(seeded_home: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no company 'strangers'; known are"):
        write(seeded_home, tmp_path, company="strangers")


def test_without_a_company_it_is_said_where_one_is_described(tmp_path: Path) -> None:
    seed.land(tmp_path, [])
    with pytest.raises(Misconfigured, match=r"describe one in company\.toml"):
        write(tmp_path, tmp_path / "digests")


def test_a_folder_that_cannot_be_made_is_told_in_one_line(seeded_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be made: Not a directory"):
        write(seeded_home, tmp_path / "file" / "below")


def test_what_stands_below_a_figure_runs_into_no_other() -> None:
    tile = Told(
        label="Жауапқа дейінгі уақыт", value="8 с", note="1 836 жауап берілген қоңырау · 10-нан 9-ы 19 с ішінде"
    )
    days = pl.DataFrame({"day": [1], "label": ["дс"], "value": [0.5]})
    drawn = poster.draw(head="", answer="", tiles=[tile] * 3, days=days, title="", number=texts("kk").number_format())
    notes = set(re.findall('"note": "([^"]*)"', json.dumps(drawn, ensure_ascii=False)))
    assert {r"1 836 жауап берілген қоңырау\n10-нан 9-ы 19 с ішінде"} == notes


def test_an_empty_period_is_told(homes: dict[str, Path], tmp_path: Path) -> None:
    written = write(homes["empty"], tmp_path, preset="day")
    assert "No incoming calls in this period." in written.html.read_text(encoding="utf-8")


def test_days_weeks_and_months_are_whole() -> None:
    assert {"day": "yesterday", "week": "last7", "month": "last28"} == PRESETS
