"""The digest: what stands in its mail, its picture and its PDF, in each language."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from analytics.questions import Misconfigured
from dashboards import digest
from dashboards.digest import PRESETS
from dashboards.settings import DashboardsSettings


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
    assert ["text/plain", "text/html", "image/png"] == kinds
    assert (b"\x89PNG", b"%PDF") == (written.png.read_bytes()[:4], written.pdf.read_bytes()[:4])


def test_every_picture_of_a_mail_is_in_the_mail(seeded_home: Path, tmp_path: Path) -> None:
    written = write(seeded_home, tmp_path, preset="month")
    mail = message_from_bytes(written.mail.read_bytes(), policy=policy.default)
    body = mail.get_body(("html",))
    assert body is not None
    assert ("cid:trend" in body.get_content(), "http" in written.html.read_text(encoding="utf-8")) == (True, False)


def test_a_company_that_is_not_there_is_refused(seeded_home: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no company strangers"):
        write(seeded_home, tmp_path, company="strangers")


def test_a_folder_that_cannot_be_made_is_told_in_one_line(seeded_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be made: Not a directory"):
        write(seeded_home, tmp_path / "file" / "below")


def test_an_empty_period_is_told(homes: dict[str, Path], tmp_path: Path) -> None:
    written = write(homes["empty"], tmp_path, preset="day")
    assert "No incoming calls in this period." in written.html.read_text(encoding="utf-8")


def test_days_weeks_and_months_are_whole() -> None:
    assert {"day": "yesterday", "week": "last7", "month": "last28"} == PRESETS
