# pyright: reportUnknownMemberType=false
"""Costs: what a minute of talk comes to, and whether a fixed fee or a price by the minute is cheaper for our calls."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from math import ceil, floor, log10

import polars as pl
import streamlit as st
from msgspec import Struct

from analytics import questions
from analytics.metrics.catalogue import catalogue
from analytics.questions import Costed, Costs, Crossing, Period
from dashboards import charts, controls, figures, shown
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.texts import EMPTY, N_, clean, plain

KINDS = {"fixed": N_("fixed fee"), "per_minute": N_("by the minute"), "per_pulse": N_("by the pulse")}
MINUTE, CALLS, REQUESTS = "cost_per_answered_minute", "call_cost", "request_cost"
# Where company data states no tariff, the sliders begin with round figures that a person moves.
FIRST_FEE = 10_000.0
FIRST_PRICE = 10.0
FIRST_MINUTES = 1_000.0
STEPS = 40
# A slider has at least so many places to stand, and up to ten times as many.
FEWEST_STOPS = 100
# Of tariffs with a price, those with most talk are tried on the calls of the period.
MAX_METERED = 6


class Choice(Struct, frozen=True):
    """Two ways to pay for minutes: a fee a month, or a price a minute; `minutes` a month are talked."""

    fee: float
    price: float
    minutes: float

    @property
    def even(self) -> float:
        """From how many minutes a month on the fee is cheaper."""
        return self.fee / self.price


def draw(page: Page) -> None:
    """Draw the page."""
    controls.stamp(page)
    found = page.ask(questions.costs, period=page.period, before=page.before, scope=page.scope, metrics=(MINUTE, CALLS))
    rows = found.tariffs
    crossing = _crossing(page, rows)
    heading(answer(page, rows, crossing), level=2)
    if crossing and not crossing.metered.talk_minutes:
        controls.where_calls_are(page, name="costs")
    _tiles(page, found, crossing)
    _compare(page, crossing)
    _tariffs(page, rows)
    _accounts(page, found)


def _crossing(page: Page, rows: pl.DataFrame) -> Crossing | None:
    """Set the dearest fee beside the metered tariff that is cheapest for these calls; None where there are not both."""
    fixed = rows.filter(pl.col("kind") == "fixed").sort("fee", "tariff_id", descending=[True, False])
    metered = rows.filter(pl.col("kind") != "fixed").sort("talk_minutes", "tariff_id", descending=[True, False])
    if fixed.is_empty() or metered.is_empty():
        return None
    tried = (fixed["tariff_id"][0], *metered["tariff_id"].to_list()[:MAX_METERED])
    by_fee, *by_meter = page.ask(questions.what_if, period=page.period, company=page.scope.company, tariffs=tried)
    return questions.break_even(fixed=by_fee, metered=cheapest(by_meter))


def cheapest(costed: Sequence[Costed]) -> Costed:
    """Choose the tariff by which the calls cost least; one that has no price for some of them comes after."""
    return min(costed, key=lambda one: (one.unpriced, one.cost))


def answer(page: Page, rows: pl.DataFrame, crossing: Crossing | None) -> str:
    """Say which of two tariffs is cheaper on the calls of the period, or what is missing to say it."""
    say, currency = page.say, page.company["currency"]
    if rows.is_empty():
        return say("No tariff is described for this period.")
    if crossing is None:
        return say("Only one of the two ways to pay has a price: set the other one below.")
    cheap, dear = crossing.fixed, crossing.metered
    if not dear.talk_minutes:
        return say("Nobody talked in this period, so no tariff is cheaper yet.")
    if dear.cost < cheap.cost:
        cheap, dear = dear, cheap
    return say(
        "For the calls of this period the tariff “{cheap}” is cheaper: {cost} against {other} with “{dear}”.",
        cheap=clean(cheap.tariff),
        cost=say.money(cheap.cost, currency=currency),
        other=say.money(dear.cost, currency=currency),
        dear=clean(dear.tariff),
    )


def _tiles(page: Page, found: Costs, crossing: Crossing | None) -> None:
    say, currency, rows = page.say, page.company["currency"], found.tariffs
    counted = figures.counted(found.now, found.before)
    drawn = [figures.tile(page, MINUTE, counted=counted)]
    fees = say.money(float(rows["fee"].sum()), currency=currency)
    told = say("of which fees: {fees}", fees=fees)
    if rows["requests"].sum():
        drawn.append(figures.tile(page, REQUESTS, counted=figures.count(page, (REQUESTS,))))
        priced = rows["request_cost"].drop_nulls()
        requests = say.money(float(priced.sum()) if priced.len() else None, currency=currency)
        told = say("of which fees: {fees}, requests for consent: {requests}", fees=fees, requests=requests)
    whole = Tile(
        label=say("Cost of the period"),
        value=say.money(float(rows["cost"].sum()), currency=currency) if rows.height else EMPTY,
        note=told,
        help=say(
            "Metered calls and requests for consent, internal and test ones among them, and the fees of these days."
        ),
    )
    if crossing and crossing.break_even_minutes is not None:
        drawn.append(
            Tile(
                label=say("Break-even"),
                value=say("{n} min", n=say.number(crossing.break_even_minutes)),
                note=say("talked in the period: {n} min", n=say.number(crossing.metered.talk_minutes)),
                help=say("From so many minutes of talk in these days on, the fixed fee is cheaper."),
            )
        )
    shown.tiles(page, [whole, *drawn])


def _begin(page: Page, crossing: Crossing | None) -> Choice:
    """Begin the sliders with the company's own prices and minutes, for a month; what is not known is an example."""
    if crossing is None:
        return Choice(FIRST_FEE, FIRST_PRICE, FIRST_MINUTES)
    months = months_of(page.period)
    minutes = crossing.metered.talk_minutes / months
    return Choice(
        round(crossing.fixed.fee / months, 2) or FIRST_FEE,
        crossing.metered.price or FIRST_PRICE,
        max(round(minutes), 1) if minutes else FIRST_MINUTES,
    )


def months_of(period: Period) -> float:
    """Count the months of a period as a fee is spread over them: each day is its part of its own month."""
    days = (period.first + timedelta(days=number) for number in range(period.days))
    return sum(1 / monthrange(day.year, day.month)[1] for day in days)


def _compare(page: Page, crossing: Crossing | None) -> None:
    say, state, begins = page.say, page.state, _begin(page, crossing)
    choice = Choice(state.fee or begins.fee, state.price or begins.price, state.minutes or begins.minutes)
    heading(say("What if"))
    for column, field, label in zip(
        st.columns(3),
        ("fee", "price", "minutes"),
        (say("Fixed fee a month"), say("Price of a minute"), say("Minutes of talk a month")),
        strict=True,
    ):
        value: float = getattr(choice, field)
        written = partial(_written, page, field)
        # Streamlit's own slider writes numbers in the language of the browser, this one in that of the page.
        column.select_slider(
            label,
            stops(value, top=max(4 * getattr(begins, field), value), written=written),
            format_func=written,
            **controls.bind(field, value=value),
        )
    if crossing is None or not crossing.metered.talk_minutes:
        told = say("What company data and this period do not tell is an example: move the sliders.")
        st.caption(plain(told, limit=200))
    most = max(2 * choice.minutes, 1.5 * choice.even)
    minutes = [most * step / STEPS for step in range(STEPS + 1)]
    names = (say("Fixed fee"), say("By the minute"))
    frame = pl.DataFrame(
        {
            "minutes": minutes * 2,
            "way": [name for name in names for _ in minutes],
            "cost": [choice.fee for _ in minutes] + [choice.price * one for one in minutes],
        }
    )
    titles = {"minutes": say("Minutes of talk a month"), "cost": say("Cost a month"), "way": say("Way to pay")}
    st.vega_lite_chart(
        charts.crossing(
            frame, even=choice.even, own=choice.minutes, ways=names, titles=titles, number=say.number_format()
        ),
        key="crossing",
        alt=say("Cost a month by minutes for both ways; they cross at {n} minutes.", n=say.number(choice.even)),
    )
    told = say(
        "The lines cross at {even} min a month; the dashed line is {own} min. A minute costs {price}.",
        even=say.number(choice.even),
        own=say.number(choice.minutes),
        price=say.price(choice.price, currency=page.company["currency"]),
    )
    st.caption(plain(told, limit=300))


def stops(value: float, *, top: float, written: Callable[[float], str]) -> list[float]:
    """Give where a slider may stand: at round numbers up to `top`, and at `value` where it is written as none of them.

    Of two that are written alike a person could not choose one.
    """
    digits = floor(log10(top / FEWEST_STOPS))
    rounded = (round(10.0**digits * number, max(-digits, 0)) for number in range(1, ceil(top / 10.0**digits) + 1))
    return sorted(({written(stop): stop for stop in rounded} | {written(value): value}).values())


def _written(page: Page, field: str, value: float) -> str:
    if field == "minutes":
        return page.say("{n} min", n=page.say.number(value))
    return page.say.price(value, currency=page.company["currency"])


def _tariffs(page: Page, rows: pl.DataFrame) -> None:
    say, currency = page.say, page.company["currency"]
    heading(say("What this period cost, by tariff"))
    if rows.is_empty():
        told = say("Name prices in company.toml, and every call gets its cost.")
        st.caption(plain(told, limit=200))
        return
    billed = rows.sort("cost", "tariff_id", descending=[True, False]).to_dicts()
    columns = {
        say("Tariff"): [clean(row["tariff_id"]) for row in billed],
        say("Way to pay"): [kind(page, row["kind"]) for row in billed],
        say("A minute of talk"): [_price(page, row["per_minute"]) for row in billed],
        say("Cost"): [_money(page, row["cost"]) for row in billed],
        say("Of which fee"): [_money(page, row["fee"]) for row in billed],
        say("Minutes of talk"): [say.number(row["talk_minutes"]) for row in billed],
        say("Billed calls"): [say.number(row["calls"]) for row in billed],
    }
    if any(row["requests"] for row in billed):
        columns[say("Of which requests")] = [_money(page, row["request_cost"]) for row in billed]
    if any(row["unpriced"] for row in billed):
        columns[say("Without a price")] = [say.number(row["unpriced"]) for row in billed]
    shown.table(columns, alt=say("Cost by tariff, with the price of a minute of talk."))
    told = say(
        "Amounts in {currency}. A fee is spread over the days of its month. A minute of talk is dearer than a billed"
        " one: pulses round up.",
        currency=currency or EMPTY,
    )
    st.caption(plain(told, limit=300))
    _requests(page, rows)
    shown.files(page, rows, name="angime-costs")


def _requests(page: Page, rows: pl.DataFrame) -> None:
    """Say where requests for consent are counted, and what is lacking for those that have no price."""
    say = page.say
    if not rows["requests"].sum():
        return
    told = say(
        "Requests for consent to call are in the cost, and not in a minute of talk: tariffs are compared by calls."
    )
    unpriced = int(rows["unpriced_requests"].sum())
    if unpriced:
        told += " " + say.plural(
            "{n} request has no price and is not in the cost: name request_rates in company.toml.",
            "{n} requests have no price and are not in the cost: name request_rates in company.toml.",
            unpriced,
        )
    st.caption(plain(told, limit=300))


def _accounts(page: Page, found: Costs) -> None:
    """Tell what a minute comes to on each channel, by the number that is connected to it, and requests for consent."""
    say, rows = page.say, found.accounts
    if found.tariffs["requests"].sum():
        asked = page.ask(questions.figures, period=page.period, scope=page.scope, metrics=(REQUESTS,), by=("account",))
        rows = pl.concat([rows, asked]).sort("account", nulls_last=True, maintain_order=True)
    rows = rows.filter(pl.col("sample") > 0)
    if rows.is_empty():
        return
    heading(say("A minute of talk, by channel"))
    channels: dict[str, str] = dict(page.ask(questions.accounts, company=page.scope.company).iter_rows())
    told = {
        name: {row["account"]: row for row in rows.filter(metric=name).to_dicts()} for name in (MINUTE, CALLS, REQUESTS)
    }
    calls = told[CALLS]
    accounts = sorted(set(rows["account"]), key=lambda one: (-calls[one]["value"] if one in calls else 0, one))
    shown.table(
        {
            say("Channel"): [say.word(channels.get(account)) for account in accounts],
            say("Account"): [clean(account) for account in accounts],
        }
        | {
            catalogue()[name].title.of(say.language): [
                figures.value(page, catalogue()[name], of[account]["value"]) if account in of else EMPTY
                for account in accounts
            ]
            for name, of in told.items()
            if of
        }
        | {
            say("Billed calls"): [
                say.number(calls[account]["sample"]) if account in calls else EMPTY for account in accounts
            ]
        },
        alt=say("What a minute of talk costs by channel and account."),
    )
    shown.files(page, rows, name="angime-cost-of-a-minute")


def _money(page: Page, amount: object) -> str:
    """Write an amount of the warehouse, a decimal or none, in the company's currency."""
    return page.say.money(None if amount is None else float(str(amount)), currency=page.company["currency"])


def _price(page: Page, amount: object) -> str:
    """Write a price of the warehouse, a number or none, in the company's currency."""
    return page.say.price(None if amount is None else float(str(amount)), currency=page.company["currency"])


def kind(page: Page, word: str) -> str:
    """Name a way to pay."""
    return page.say(KINDS[word]) if word in KINDS else word
