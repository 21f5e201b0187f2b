# pyright: reportUnknownMemberType=false
"""The health of the data: what arrives and how late, what was refused and why, what the checks find, what it takes."""

from datetime import datetime, time, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics.engine.data_files import files_of
from analytics.engine.seals import Seals
from analytics.questions import health
from analytics.questions.waiting import waiting
from analytics.settings import AnalyticsSettings
from dashboards import controls, disk, findings, shown
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.texts import EMPTY, N_, clean, plain

LITTLE_FREE = 0.1
PACKAGES = ("angime", "duckdb", "polars", "streamlit", "faust-streaming", "confluent-kafka")
SEVERITIES = {"fail": N_("figures are wrong"), "warn": N_("worth a look")}


def draw(page: Page) -> None:
    """Draw the page; checks read whole tables, so everything else stands there before they are asked."""
    controls.stamp(page)
    company = page.scope.company
    first = datetime.combine(page.period.first, time(), tzinfo=page.zone)
    sources = page.ask(health.sources, company=company, now=_minute(page.now))
    letters = page.ask(health.dead_letters, company=company, first=first)
    late = page.ask(health.late_days, company=company, period=page.period)
    head, tiles = st.empty(), st.empty()
    with head.container():
        heading(answer(page, sources=sources, letters=letters, checks=None), level=2)
    _listening(page)
    _sources(page, sources)
    _letters(page, letters)
    found = st.container()
    _late(page, late)
    _conflicts(page, page.ask(health.conflicts, company=company))
    left, right = st.columns(2, gap="large")
    with left:
        _versions(page)
    with right:
        _disk(page)
    checks = page.ask_seldom(health.checks, company=company)
    with head.container():
        heading(answer(page, sources=sources, letters=letters, checks=checks), level=2)
    with tiles.container():
        _tiles(page, sources=sources, letters=letters, checks=checks, late=late)
    with found:
        _checks(page, checks)


def answer(page: Page, *, sources: pl.DataFrame, letters: pl.DataFrame, checks: pl.DataFrame | None) -> str:
    """Say whether the figures can be relied on, and what stands against it; checks of None are not known yet."""
    say = page.say
    against: list[str] = []
    failing = 0 if checks is None else checks.filter(pl.col("rows") > 0, pl.col("severity") == "fail").height
    if failing:
        against.append(say.plural("{n} check fails", "{n} checks fail", failing))
    damaged = len(Seals(files_of(AnalyticsSettings(home=page.settings.home))).known_damaged())
    if damaged:
        against.append(say.plural("the disk damaged {n} file", "the disk damaged {n} files", damaged))
    if waiting(page.settings.home) is not None:
        against.append(say("listening waits for its model"))
    if letters.height:
        refused = int(letters["letters"].sum())
        against.append(say.plural("{n} record was refused", "{n} records were refused", refused))
    silent = sum(_is_old(page, row["newest_at"]) for row in sources.to_dicts())
    if silent:
        against.append(say.plural("{n} account is silent", "{n} accounts are silent", silent))
    if against:
        return say("Needs a look: {what}.", what=say(", ").join(against))
    if checks is None:
        return say("Nothing stands against the figures so far; the checks are running.")
    found = checks.filter(pl.col("rows") > 0).height
    if found:
        return say.plural(
            "Figures hold; {n} check found something worth a look.",
            "Figures hold; {n} checks found something worth a look.",
            found,
        )
    return say("All is well: everything that arrived is counted, and every check holds.")


def _tiles(
    page: Page, *, sources: pl.DataFrame, letters: pl.DataFrame, checks: pl.DataFrame, late: pl.DataFrame
) -> None:
    say = page.say
    lately = sources.filter(pl.col("events_lately") > 0)
    newest = sources["newest_at"].max()
    found = checks.filter(pl.col("rows") > 0)
    lag = max((row["lag_median_seconds"] for row in lately.to_dicts()), default=None)
    landed = max((row["landed_median_seconds"] for row in lately.to_dicts()), default=None)
    shown.tiles(
        page,
        [
            Tile(
                label=say("Newest fact"),
                value=say.ago(page.now - newest) if isinstance(newest, datetime) else EMPTY,
                note=say.plural("{n} fact in 24 h", "{n} facts in 24 h", int(lately["events_lately"].sum())),
                help=say("How long ago we received the newest fact, of any source."),
            ),
            Tile(
                label=say("Received after it happened"),
                value=say.seconds(lag),
                note=say("median of the slowest account"),
                help=say("Time between the source's clock and ours; a provider that repeats or delays makes it long."),
            ),
            Tile(
                label=say("Counted after it was received"),
                value=say.seconds(landed),
                note=say("median of the slowest account"),
                help=say("Time from receipt until the fact is in the warehouse and in every figure."),
            ),
            Tile(
                label=say("Refused records"),
                value=say.number(int(letters["letters"].sum())),
                note=say.plural("{n} reason", "{n} reasons", letters["reason"].n_unique()),
                help=say("Dead letters of the period: bytes that are no event we know. They are kept untouched."),
            ),
            Tile(
                label=say("Checks with findings"),
                value=say.number(found.height),
                note=say.plural("of {n} check", "of {n} checks", checks.height),
                help=say("A check looks for rows that should not exist. They run at most every ten minutes here."),
            ),
            Tile(
                label=say("Days changed afterwards"),
                value=say.number(late.height),
                note=say.plural("{n} late fact", "{n} late facts", int(late["facts"].sum())),
                help=say("Days whose facts arrived after the day was over; their figures are not what they were."),
            ),
        ],
    )


def _listening(page: Page) -> None:
    """Say that recordings wait for a model, since when and how to mend it."""
    found = waiting(page.settings.home)
    if found is None:
        return
    told = page.say(
        "Recordings wait to be heard since {moment}: the speech model cannot be loaded. They are kept, and are "
        "transcribed by themselves when the model is there. angime doctor says what is missing.",
        moment=_moment(page, datetime.fromisoformat(found.since)),
    )
    st.info(plain(told, limit=400), icon=":material/hearing_disabled:")


def _sources(page: Page, sources: pl.DataFrame) -> None:
    say = page.say
    heading(say("What arrives"))
    if sources.is_empty():
        st.caption(plain(say("No account is known yet, and nothing has arrived.")))
        return
    rows = sources.to_dicts()
    shown.table(
        {
            say("Account"): [clean(row["account"]) for row in rows],
            say("Source"): [clean(row["source"]) for row in rows],
            say("Newest fact"): [_newest(page, row["newest_at"]) for row in rows],
            say("Facts in 24 h"): [say.number(row["events_lately"]) for row in rows],
            say("Late by (median)"): [say.seconds(row["lag_median_seconds"]) for row in rows],
            say("19 of 20 within"): [say.seconds(row["lag_p95_seconds"]) for row in rows],
            say("Counted after (median)"): [say.seconds(row["landed_median_seconds"]) for row in rows],
        },
        alt=say("Accounts with the age of their newest fact and how late facts come."),
    )


def _newest(page: Page, moment: datetime | None) -> str:
    if moment is None:
        return page.say("nothing in 30 days")
    return page.say.ago(page.now - moment) + (" ⚠" if _is_old(page, moment) else "")


def _is_old(page: Page, moment: datetime | None) -> bool:
    return moment is None or page.now - moment > timedelta(minutes=page.settings.very_stale_after_minutes)


def _letters(page: Page, letters: pl.DataFrame) -> None:
    say = page.say
    heading(say("What was refused, and why"))
    if letters.is_empty():
        st.caption(plain(say("Nothing was refused in this period.")))
        return
    rows = letters.to_dicts()
    shown.sentences(
        {
            say("Reason"): [_refused(page, row) for row in rows],
            say("Records"): [say.number(row["letters"]) for row in rows],
        },
        alt=say("Refused records by reason."),
        names=[row["reason"] for row in rows],
    )
    st.caption(plain(say("The bytes are kept untouched; once the translator is mended, they are delivered again.")))
    shown.files(page, letters, name="angime-refused")


def _refused(page: Page, letter: dict[str, Any]) -> str:
    """Tell by which stage and version, of which source and when records were refused for one reason."""
    when = " – ".join(dict.fromkeys(_moment(page, letter[name]) for name in ("first_at", "last_at")))
    return " · ".join(filter(None, (letter["source"], letter["stage"], letter["version"], when)))


def _checks(page: Page, checks: pl.DataFrame) -> None:
    say = page.say
    heading(say("Checks"))
    rows = checks.to_dicts()
    shown.sentences(
        {
            say("What it looks for"): [_sought(page, row) for row in rows],
            say("Finds"): [_finds(page, row) for row in rows],
        },
        alt=say("Checks with how many rows they find and what they look for."),
        names=[findings.named(say, row["name"]) for row in rows],
    )
    finding = [row for row in rows if row["rows"] and page.viewer.rights.asks_sql]
    if finding:
        with st.container(horizontal=True):
            for row in finding:
                name = row["name"]
                told = say("{rows}: {n}", rows=findings.named(say, name), n=say.number(row["rows"]))
                asked = f"select * from checks.{name}"  # noqa: S608  # the name of a file of ours
                found = structs.replace(page.state, sql=asked)
                page.link("sql", plain(told), state=found, icon=":material/arrow_forward:")


def _sought(page: Page, check: dict[str, Any]) -> str:
    return findings.sought(page.say, check["name"], otherwise=check["meaning"])


def _finds(page: Page, check: dict[str, Any]) -> str:
    """Tell how many rows a check finds, and what that means."""
    if not check["rows"]:
        return "✓"
    severity = check["severity"]
    means = page.say(SEVERITIES[severity]) if severity in SEVERITIES else severity
    return f"{page.say.number(check['rows'])} · {means}"


def _late(page: Page, late: pl.DataFrame) -> None:
    say = page.say
    heading(say("Days changed afterwards"))
    if late.is_empty():
        st.caption(plain(say("No day of this period got facts after it was over.")))
        return
    rows = late.to_dicts()
    shown.table(
        {
            say("Day"): [say.day(row["day"]) for row in rows],
            say("Late facts"): [say.number(row["facts"]) for row in rows],
            say("Calls"): [say.number(row["calls"]) for row in rows],
            say("Last"): [_moment(page, row["last_at"]) for row in rows],
        },
        alt=say("Days whose facts arrived after the day was over."),
    )


def _conflicts(page: Page, conflicts: pl.DataFrame) -> None:
    if conflicts.is_empty():
        return
    say = page.say
    heading(say("Facts told twice in different words"))
    rows = conflicts.to_dicts()
    shown.table(
        {
            say("Source"): [clean(row["source"]) for row in rows],
            say("Fact"): [say.word(row["type"]) for row in rows],
            say("Facts"): [say.number(row["events"]) for row in rows],
            say("Last"): [_moment(page, row["last_at"]) for row in rows],
        },
        alt=say("Conflicts: the same id with other content."),
    )
    st.caption(plain(say("The first that came is counted; the other is kept beside it."), limit=200))


def _versions(page: Page) -> None:
    say = page.say
    heading(say("Versions"))
    built = page.ask(health.built_at)
    lines = [f"{plain(name)}: **{plain(_version(name))}**" for name in PACKAGES]
    states = {say("Facts built from the log"): _moment(page, built), say("State of the warehouse"): str(page.snapshot)}
    lines += [f"{plain(name)}: **{plain(state)}**" for name, state in states.items()]
    st.markdown("  \n".join(lines))
    with st.expander(say("Event types and their versions"), icon=":material/schema:"):
        rows = page.ask(health.versions, company=page.scope.company, now=_minute(page.now)).to_dicts()
        columns: dict[str, list[Any]] = {
            say("Type and version"): [clean(row["dataschema"]) for row in rows],
            say("Facts in 30 days"): [say.number(row["events"]) for row in rows],
            say("Newest fact"): [_moment(page, row["newest_at"]) for row in rows],
        }
        shown.table(columns, alt=say("Event types and versions that came in the last 30 days."))


def _disk(page: Page) -> None:
    say = page.say
    heading(say("Disk"))
    space = _space(page)
    share = space.free_bytes / space.total_bytes
    free = say("Free: {size} of {whole}", size=say.size(space.free_bytes), whole=say.size(space.total_bytes))
    st.badge(free, color="red" if share < LITTLE_FREE else "green", icon=":material/hard_drive:")
    files = say("files")
    lines = [f"{plain(name or files)}: **{plain(say.size(size))}**" for name, size in space.folders]
    st.markdown("  \n".join(lines) or EMPTY)
    if not space.is_whole:
        st.caption(plain(say("There are more files than were counted.")))


@st.cache_data(show_spinner=False, ttl=600, max_entries=10)
def _measured(home: str) -> disk.Space:
    return disk.space(Path(home))


def _space(page: Page) -> disk.Space:
    return _measured(str(page.settings.home.absolute()))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return EMPTY


def _moment(page: Page, moment: datetime | None) -> str:
    return page.say.moment(moment, zone=page.zone, pattern="EEE d MMM, HH:mm")


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
