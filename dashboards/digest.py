"""The digest: the overview of a period as a mail to read, and as a picture and a PDF to keep."""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from analytics import questions, warehouse
from analytics.metrics.catalogue import catalogue
from analytics.questions import Misconfigured, Reader
from analytics.settings import AnalyticsSettings
from dashboards import overview, poster, trend
from dashboards.figures import TILES, Figure, is_nothing, was
from dashboards.overview import Loss
from dashboards.page import Page
from dashboards.poster import Told
from dashboards.settings import DashboardsSettings
from dashboards.state import CHOICES, Preset, State, period, scope
from dashboards.texts import texts
from dashboards.viewer import OWN_MACHINE

P = ParamSpec("P")
T = TypeVar("T")

PRESETS: dict[str, Preset] = {"day": "yesterday", "week": "last7", "month": "last28"}
INK, QUIET, GOOD, BAD, LINE = "#17211F", "#5B6866", "#0F6E68", "#B3364A", "#DDE4E3"


class Written(Struct, frozen=True, kw_only=True):
    """The files of one digest."""

    html: Path
    mail: Path
    png: Path
    pdf: Path


class Unkept(Page, frozen=True, kw_only=True):
    """A page outside of a session: each question is asked anew."""

    def ask(self, question: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question of analytics.questions."""
        return question(self.reader, *args, **kwargs)


class Digest(Struct, frozen=True, kw_only=True):
    """What a digest says: whose and of when, the answer, the figures, where it was lost; `trend` is a PNG."""

    head: str
    answer: str
    tiles: tuple[Told, ...]
    losses: tuple[str, ...]
    trend: bytes
    trend_says: str
    foot: str


def write(  # noqa: PLR0913  # whose digest, of when, in what language, and where to
    settings: DashboardsSettings, *, company: str, preset: str, language: str, folder: Path, now: datetime
) -> Written:
    """Write the digest of a company (empty: the only one) into `folder`.

    Raises Misconfigured for an unknown company, and for a folder that cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"{folder} cannot be made: {error.strerror}") from None
    with warehouse.open_reader(AnalyticsSettings(home=settings.home)) as reader:
        page = _page(reader, settings, company=company, state=State(preset=PRESETS[preset], language=language), now=now)
        digest, drawn = _draw(page)
    name = f"angime-{page.company['company']}-{page.period.first:%Y%m%d}-{page.period.last:%Y%m%d}-{language}"
    html, mail, png, pdf = (folder / f"{name}.{kind}" for kind in ("html", "eml", "png", "pdf"))
    html.write_text(_html(digest, image=_inline(digest.trend), language=language), encoding="utf-8")
    mail.write_bytes(_mail(digest, language=language, now=now))
    png.write_bytes(poster.png(drawn))
    pdf.write_bytes(poster.pdf(drawn))
    return Written(html=html, mail=mail, png=png, pdf=pdf)


def _page(reader: Reader, settings: DashboardsSettings, *, company: str, state: State, now: datetime) -> Unkept:
    listed = {row["company"]: row for row in questions.companies(reader).to_dicts()}
    if not listed:
        raise Misconfigured("no company is known yet: describe one in company.toml and start Angime again")
    if company and company not in listed:
        raise Misconfigured(f"there is no company {company!r}; known are {', '.join(listed) or 'none'}")
    chosen = listed[company] if company else next(iter(listed.values()))
    zone = ZoneInfo(chosen["time_zone"])
    asked = period(state, now=now, zone=zone, week_starts=chosen["week_starts"])
    return Unkept(
        settings=settings,
        state=state,
        say=texts(state.language),
        viewer=OWN_MACHINE,
        reader=reader,
        snapshot=reader.snapshot_id(),
        company=chosen,
        zone=zone,
        now=now,
        period=asked,
        before=asked.before(),
        scope=scope(state, company=chosen["company"]),
        names=dict(questions.teams(reader, company=chosen["company"]).iter_rows()),
        choices=CHOICES,
        paths={},
    )


def _draw(page: Unkept) -> tuple[Digest, dict[str, Any]]:
    say, earlier = page.say, page.period.before()
    now, before = overview.figures(page)
    rate = catalogue()["answer_rate"]
    rates = now["answer_rate"], before["answer_rate"]
    losses = overview.losses(page, rank=overview.rank(*rates))
    incoming = now["missed_calls"].sample
    answer = overview.answer(page, now=rates[0], before=rates[1], incoming=incoming, losses=losses)
    head = f"{page.company['name']} · {say.days(page.period.first, page.period.last)}"
    tiles = tuple(_tile(page, name, now=now, before=before) for name in TILES)
    days = trend.by_day(page, rate)
    title = rate.title.of(say.language)
    against = say("against {days}", days=say.days(earlier.first, earlier.last))
    drawn = poster.draw(
        head=f"{head} · {against}", answer=answer, tiles=tiles, days=days, title=title, number=say.number_format()
    )
    newest = questions.as_of(page.reader, company=page.scope.company, now=page.now)
    as_of = say("Data as of {moment}", moment=say.moment(newest, zone=page.zone, pattern="EEE d MMM, HH:mm"))
    zone = say("Time zone: {zone}", zone=page.zone.key.replace("_", " "))
    by_day = say("Day by day")
    digest = Digest(
        head=head,
        answer=answer,
        tiles=tiles,
        losses=tuple(_lost(page, loss) for loss in losses),
        trend=poster.png(poster.picture(days, number=say.number_format())),
        trend_says=f"{title} · {by_day}",
        foot=f"{as_of} · {zone} · {against}",
    )
    return digest, drawn


def _lost(page: Page, loss: Loss) -> str:
    return page.say(
        "{place}: {lost} of {incoming} not answered",
        place=loss.name,
        lost=page.say.number(loss.lost),
        incoming=page.say.number(loss.incoming),
    )


def _tile(page: Page, name: str, *, now: dict[str, Figure], before: dict[str, Figure]) -> Told:
    say, metric, figure = page.say, catalogue()[name], now[name]
    earlier = was(metric, now=figure, before=before[name])
    change, is_better = "", None
    if figure.value is not None and earlier is not None:
        difference = figure.value - earlier
        change = say.change(difference, unit=metric.unit)
        if is_nothing(change):
            change = say("no change")
        elif metric.good != "none":
            is_better = (difference > 0) == (metric.good == "up")
    return Told(
        label=metric.title.of(say.language),
        value=say.figure(figure.value, unit=metric.unit),
        note=overview.count(page, metric, now=now, figure=figure),
        change=change,
        is_better=is_better,
    )


def _html(digest: Digest, *, image: str, language: str) -> str:
    """Write the mail's page: tables and inline styles, which every mail program shows."""
    rows = [digest.tiles[start : start + 2] for start in range(0, len(digest.tiles), 2)]
    cells = "".join(f"<tr>{''.join(_cell(tile) for tile in row)}</tr>" for row in rows)
    losses = "".join(f"<li style='margin:4px 0'>{escape(line)}</li>" for line in digest.losses)
    said = {"head": digest.head, "answer": digest.answer, "trend_says": digest.trend_says, "foot": digest.foot}
    template = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    return template.substitute(
        {name: escape(text) for name, text in said.items()}
        | {"language": language, "ink": INK, "quiet": QUIET, "cells": cells, "losses": losses, "image": image}
    )


def _cell(tile: Told) -> str:
    colour = QUIET if tile.is_better is None else GOOD if tile.is_better else BAD
    return (
        f"<td width='50%' valign='top' style='border:1px solid {LINE};border-radius:8px;padding:12px 14px'>"
        f"<div style='color:{QUIET};font-size:13px'>{escape(tile.label)}</div>"
        f"<div style='font-size:24px;font-weight:bold;padding:4px 0'>{escape(tile.value)}"
        f" <span style='font-size:13px;color:{colour}'>{escape(tile.change)}</span></div>"
        f"<div style='color:{QUIET};font-size:12px'>{escape(tile.note)}</div></td>"
    )


def _mail(digest: Digest, *, language: str, now: datetime) -> bytes:
    """Write the message that a scheduler hands to a mail program: it adds who it is from and for."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"Angime · {digest.head}"
    message["Date"] = format_datetime(now)
    message.set_content(_words(digest))
    message.add_alternative(_html(digest, image="cid:trend", language=language), subtype="html")
    payload: Any = message.get_payload()
    payload[1].add_related(digest.trend, "image", "png", cid="<trend>")
    return message.as_bytes()


def _words(digest: Digest) -> str:
    tiles: Sequence[str] = [f"{tile.label}: {tile.value} {tile.change} ({tile.note})" for tile in digest.tiles]
    return "\n".join([digest.head, "", digest.answer, "", *digest.losses, "", *tiles, "", digest.foot, ""])


def _inline(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"
