# pyright: reportUnknownMemberType=false
"""Costs: what a minute of talk comes to by tariff, and from how many minutes on a fixed fee is cheaper."""

from typing import Any

import polars as pl
import streamlit as st
from msgspec import Struct

from analytics.questions import costs
from dashboards import charts, controls, shown
from dashboards.page import Page, heading
from dashboards.texts import EMPTY, N_, clean, plain

KINDS = {"fixed": N_("fixed fee"), "per_minute": N_("by the minute"), "per_pulse": N_("by the pulse")}
# Where company data states no tariff, the sliders begin with round figures that a person moves.
FIRST_FEE = 10_000.0
FIRST_PRICE = 10.0
FIRST_MINUTES = 1_000.0
STEPS = 40


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
    own = page.ask(costs.what_if, period=page.period, scope=page.scope)
    rows = page.ask(costs.by_tariff, period=page.period, scope=page.scope)
    state = page.state
    choice = Choice(
        state.fee or own["fee"] or FIRST_FEE,
        state.price or own["price"] or FIRST_PRICE,
        state.minutes or own["minutes"] or FIRST_MINUTES,
    )
    is_known = bool((state.fee or own["fee"]) and (state.price or own["price"]))
    told = answer(page, choice, currency=own["currency"]) if is_known else None
    heading(told or page.say("Set both prices, and they are compared on your own minutes."), level=2)
    _compare(page, choice, own)
    _tariffs(page, rows)


def answer(page: Page, choice: Choice, *, currency: str | None) -> str:
    """Say which way is cheaper at these minutes, and what each comes to."""
    say = page.say
    metered = choice.minutes * choice.price
    said = {
        "minutes": say.number(choice.minutes),
        "fixed": say.money(choice.fee, currency=currency),
        "metered": say.money(metered, currency=currency),
    }
    if choice.fee < metered:
        return say("At {minutes} min a month the fixed fee is cheaper: {fixed} against {metered}.", **said)
    return say("At {minutes} min a month paying by the minute is cheaper: {metered} against {fixed}.", **said)


def _compare(page: Page, choice: Choice, own: dict[str, Any]) -> None:
    say, currency = page.say, own["currency"]
    heading(say("Fixed fee or by the minute"))
    for column, field, label, value, begins in zip(
        st.columns(3),
        ("fee", "price", "minutes"),
        (say("Fixed fee a month"), say("Price of a minute"), say("Minutes of talk a month")),
        (choice.fee, choice.price, choice.minutes),
        (own["fee"] or FIRST_FEE, own["price"] or FIRST_PRICE, own["minutes"] or FIRST_MINUTES),
        strict=True,
    ):
        top = max(4 * begins, value)
        column.slider(
            label,
            min_value=round(top / 200, 2),
            max_value=round(top, 2),
            step=round(top / 200, 2),
            **controls.bind(field, value=round(max(value, top / 200), 2)),
        )
    if not (own["fee"] and own["price"]):
        st.caption(plain(say("Company data states no price for one of the two ways: move the sliders."), limit=200))
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
    st.altair_chart(
        charts.crossing(
            frame, even=choice.even, own=choice.minutes, ways=names, titles=titles, number=say.number_format()
        ),
        key="crossing",
        alt=say("Cost a month by minutes for both ways; they cross at {n} minutes.", n=say.number(choice.even)),
    )
    st.caption(
        plain(
            say(
                "The lines cross at {even} min a month; the dashed line is {own} min. A minute costs {price}.",
                even=say.number(choice.even),
                own=say.number(choice.minutes),
                price=say.money(choice.price, currency=currency),
            ),
            limit=300,
        )
    )


def _tariffs(page: Page, rows: pl.DataFrame) -> None:
    say = page.say
    heading(say("What this period cost"))
    if rows.is_empty():
        told = say("No tariff is described yet. Name prices in company.toml, and every call gets its cost.")
        st.caption(plain(told, limit=200))
        return
    billed = rows.to_dicts()
    shown.table(
        {
            say("Tariff"): [clean(row["tariff_id"]) for row in billed],
            say("Way to pay"): [_kind(page, row["kind"]) for row in billed],
            say("Channels"): [", ".join(say.word(channel) for channel in row["channels"]) or EMPTY for row in billed],
            say("A minute of talk"): [say.money(row["per_minute"], currency=row["currency"]) for row in billed],
            say("Cost"): [say.money(row["cost"], currency=row["currency"]) for row in billed],
            say("Of it fee"): [say.money(row["fee"], currency=row["currency"]) for row in billed],
            say("Minutes of talk"): [say.number(row["talk_minutes"]) for row in billed],
            say("Billed calls"): [say.number(row["calls"]) for row in billed],
            say("Without a price"): [say.number(row["unpriced"]) for row in billed],
        },
        alt=say("Cost by tariff, with the price of a minute of talk."),
    )
    st.caption(
        plain(
            say(
                "A fee is spread over the days of its month. A minute of talk is dearer than a billed one:"
                " pulses round up."
            ),
            limit=300,
        )
    )
    shown.files(page, rows.with_columns(pl.col("channels").list.join(", ")), name="angime-costs")


def _kind(page: Page, kind: str) -> str:
    told = KINDS.get(kind)
    return page.say(told) if told else kind
