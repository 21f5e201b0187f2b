"""Notifying: an alert leaves through the channels of its rule, each once; Apprise and signed webhooks."""

import base64
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import structlog
from msgspec import Struct

from schemas.alert_rules import Channel
from schemas.company import Company
from schemas.envelope import Event
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant, moment
from schemas.secret_references import resolve_secret
from schemas.standard_webhooks import SECRET_PREFIX, VERSION, signature
from streams.alert_texts import said

# What rose so long ago is no news when the worker comes back: it stands in the log.
NEWS = timedelta(hours=6)
REMEMBERED = timedelta(days=90)
SEND_SECONDS = 15.0
BUSY_SECONDS = 10.0

_log = structlog.get_logger("angime.streams")


class Way(Struct, frozen=True):
    """A channel with its secrets resolved; never shown."""

    channel: Channel
    url: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"Way({self.channel.id})"


Ways = Mapping[tuple[str, str], Way]


def open_ways(companies: Sequence[Company], *, environ: Mapping[str, str], read: Callable[[str], str]) -> Ways:
    """Resolve every channel that a rule uses. Raises Misconfigured for a missing secret or an address nobody reads."""
    ways: dict[tuple[str, str], Way] = {}
    for company in companies:
        used = {name for rule in company.alerts.rules for name in rule.to}
        for channel in company.alerts.channels:
            if channel.id not in used:
                continue
            try:
                url = resolve_secret(channel.url, environ=environ, read=read)
                secret = resolve_secret(channel.secret, environ=environ, read=read) if channel.secret else ""
            except Misconfigured as error:
                raise Misconfigured(f"alert channel {channel.id!r}: {error.reason}") from None
            way = Way(channel, url, secret)
            _check(way)
            ways[company.id, channel.id] = way
    return ways


class Notifier:
    """Sends each alert once through each channel of its rule, and remembers on disk through which it went.

    A channel is claimed before it is used, and given back when it refused: a process that dies in between leaves an
    alert unsent rather than sent twice. It stands in the log and on `/live` all the same.
    """

    def __init__(self, companies: Mapping[str, Company], ways: Ways, *, memory: Path) -> None:
        self._companies = companies
        self._ways = ways
        self._memory = memory
        if ways:
            memory.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as kept, kept:
                kept.execute(
                    "create table if not exists notified (alert text, channel text, at text, "
                    "primary key (alert, channel)) without rowid"
                )

    def notify(self, alert: Event, *, now: Instant) -> int:
        """Send an alert wherever it was not sent yet; gives through how many channels it went.

        Raises NotYet when a channel refused: those that took it are not asked again.
        """
        company = self._companies.get(alert.company)
        if company is None or moment(now) - moment(alert.recordedat) > NEWS:
            return 0
        went, refused = 0, ""
        for channel in company.alerts.channels_of(alert.data.rule):
            way = self._ways[company.id, channel.id]
            if not self._claim(alert.id, channel.id, now=now):
                continue
            try:
                send(way, alert, company=company, now=now)
            except NotYet as error:
                self._give_back(alert.id, channel.id)
                refused = error.reason
            else:
                went += 1
                _log.info("notified", alert=alert.id, rule=alert.data.rule, channel=channel.id)
        if refused:
            raise NotYet(refused)
        return went

    def _claim(self, alert: str, channel: str, *, now: Instant) -> bool:
        with closing(self._open()) as kept, kept:
            kept.execute("delete from notified where at < ?", [instant(moment(now) - REMEMBERED)])
            taken = kept.execute("insert or ignore into notified values (?, ?, ?)", [alert, channel, now])
            return taken.rowcount == 1

    def _give_back(self, alert: str, channel: str) -> None:
        with closing(self._open()) as kept, kept:
            kept.execute("delete from notified where alert = ? and channel = ?", [alert, channel])

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._memory, timeout=BUSY_SECONDS)


def send(way: Way, alert: Event, *, company: Company, now: Instant) -> None:
    """Send an alert through one channel. Raises NotYet when it was not taken."""
    title, text = said(alert, company=company)
    if way.channel.kind == "webhook":
        _post(way, alert, title=title, text=text, now=now)
    elif not _apprise(way).notify(title=title, body=text):
        raise NotYet(f"the channel {way.channel.id} did not take an alert")


def _post(way: Way, alert: Event, *, title: str, text: str, now: Instant) -> None:
    told = {
        "type": alert.type,
        "timestamp": alert.time,
        "data": {
            "company": alert.company,
            "title": title,
            "text": text,
            **msgspec.to_builtins(alert.data),
        },
    }
    body = msgspec.json.encode(told)
    timestamp = str(int(moment(now).timestamp()))
    headers = {"content-type": "application/json", "webhook-id": alert.id, "webhook-timestamp": timestamp}
    if way.secret:
        signed = signature(_key(way), message_id=alert.id, timestamp=timestamp, body=body)
        headers["webhook-signature"] = VERSION + signed
    try:
        answer = httpx.post(way.url, content=body, headers=headers, timeout=SEND_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise NotYet(f"the channel {way.channel.id} could not be reached: {type(error).__name__}") from None
    if not answer.is_success:
        raise NotYet(f"the channel {way.channel.id} answered {answer.status_code}")


def _check(way: Way) -> None:
    name = way.channel.id
    if way.channel.kind == "apprise":
        if len(_apprise(way)) != 1:
            raise Misconfigured(f"the address of the alert channel {name!r} is none that Apprise reads")
        return
    try:
        is_web = httpx.URL(way.url).scheme in {"http", "https"}
    except httpx.InvalidURL:
        is_web = False
    if not is_web:
        raise Misconfigured(f"the address of the alert channel {name!r} is neither http nor https")
    if way.secret:
        try:
            _key(way)
        except ValueError:
            raise Misconfigured(f"the secret of the alert channel {name!r} is no base64, such as whsec_MfKQ…") from None


def _key(way: Way) -> bytes:
    return base64.b64decode(way.secret.removeprefix(SECRET_PREFIX))


def _apprise(way: Way) -> Any:
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines may show addresses with their secrets
    engine: Any = apprise
    sender = engine.Apprise(asset=engine.AppriseAsset(app_id="Angime", app_desc="Angime", async_mode=False))
    sender.add(way.url)
    return sender
