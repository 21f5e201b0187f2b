"""What pages ask of the company acme, of the calls and deals of two drawn days: each question once, by its name."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from analytics import questions
from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import catalogue
from analytics.questions import CallFilter, Period, Reader, Scope, conversion, health, missed, one_call, permissions
from analytics.questions import conversations as talks
from tests.analytics.drawn import call, recording

DAYS, NOON = Period(date(2026, 3, 1), date(2026, 3, 2)), datetime(2026, 3, 2, 12, tzinfo=UTC)
EVE = Period(DAYS.first, DAYS.first)
ACME, ALL = Scope(company="acme"), CallFilter(with_left_out=True)
KEY = "phone:+77010000001"
TALK: dict[str, Any] = {"company": "acme", "call_id": call("talk")}
THEN: dict[str, Any] = {"period": DAYS, "scope": ACME}
BOTH: dict[str, Any] = THEN | {"before": DAYS.before()}
PAGE: dict[str, Any] = {"scope": ACME, "is_waiting": False, "limit": 9, "offset": 0}
OF_DAY: dict[str, Any] = TALK | {"day": date(2026, 3, 2)}
# What pages ask of one company.
ASKED: dict[str, Callable[[Reader], Any]] = {
    "calls": lambda reader: questions.calls(reader, **THEN, filters=ALL),
    "calls of a contact": lambda reader: questions.calls(reader, **THEN, filters=CallFilter(contact=KEY)),
    "calls of a name": lambda reader: questions.calls(reader, **THEN, filters=CallFilter(search="KZ.1")),
    "calls missed": lambda reader: questions.calls(reader, **THEN, filters=CallFilter(missed="open")),
    "calls behind": lambda reader: questions.calls(reader, **THEN, filters=CallFilter(behind="cold_call_share")),
    "count": lambda reader: questions.count_calls(reader, **THEN, filters=ALL),
    "call": lambda reader: questions.call(reader, **TALK),
    "facts": lambda reader: questions.facts_of_call(reader, **TALK),
    "turns": lambda reader: questions.turns(reader, **OF_DAY),
    "history": lambda reader: questions.history(reader, company="acme", contact_key=KEY),
    "talk": lambda reader: one_call.talk_of_call(reader, **OF_DAY),
    "cost": lambda reader: one_call.cost_of_call(reader, **OF_DAY | {"call_id": call("waba")}),
    "permission": lambda reader: one_call.permission_of_call(reader, **OF_DAY | {"call_id": call("waba")}),
    "beeps": lambda reader: one_call.beeps_of_call(reader, **OF_DAY, recording_id=recording("r")),
    "figures": lambda reader: questions.figures(reader, **THEN, metrics=tuple(catalogue()), by=("day",)),
    "ended": lambda reader: questions.ended(reader, **THEN).outcomes,
    "losses": lambda reader: questions.losses(reader, **BOTH, by=("channel",), rank="lost"),
    "groups": lambda reader: questions.groups_of(reader, company="acme", days=DAYS.each()),
    "channels": lambda reader: questions.channels(reader, company="acme", period=DAYS),
    "extent": lambda reader: questions.extent(reader, company="acme", today=DAYS.last),
    "as of": lambda reader: [questions.as_of(reader, company="acme", now=NOON)],
    "teams": lambda reader: questions.teams(reader, company="acme"),
    "operators": lambda reader: questions.operators(reader, company="acme"),
    "accounts": lambda reader: questions.accounts(reader, company="acme"),
    "watermarks": lambda reader: questions.watermarks(reader, company="acme"),
    "dialled": lambda reader: questions.dialled(reader, **BOTH, metrics=("cold_call_share",)).accounts,
    "signs": lambda reader: questions.signs(reader, **THEN),
    "leads": lambda reader: questions.leads(reader, **BOTH, metrics=("leads_within_5_minutes",)).bands,
    "costs": lambda reader: questions.costs(reader, **BOTH, metrics=("call_cost",)).tariffs,
    "what if": lambda reader: questions.what_if(reader, period=DAYS, company="acme", tariffs=("trunk",)),
    "way": lambda reader: _steps(conversion.way(reader, **THEN, metrics=("deals_won_after_call",), by=("channel",))),
    "conversations": lambda reader: talks.conversations(reader, **PAGE, period=DAYS, search=""),
    "conversations of a name": lambda reader: talks.conversations(reader, **PAGE, period=DAYS, search="KZ.1"),
    "conversations before": lambda reader: talks.conversations(reader, **PAGE, period=EVE, search=""),
    "conversation": lambda reader: talks.conversation(reader, company="acme", contact_key=KEY),
    "missed now": lambda reader: missed.waiting(reader, scope=ACME),
    "missed": lambda reader: missed.of_period(reader, **THEN),
    "recovery": lambda reader: missed.recovery(reader, **THEN),
    "held": lambda reader: permissions.held(reader, scope=ACME, now=NOON, tonight=NOON),
    "outside": lambda reader: permissions.outside(reader, **THEN),
    "signals": lambda reader: permissions.signals(reader, **THEN),
    "sources": lambda reader: health.sources(reader, company="acme", now=NOON),
    "late days": lambda reader: health.late_days(reader, company="acme", period=DAYS),
    "checks": lambda reader: health.checks(reader, company="acme"),
    "versions": lambda reader: health.versions(reader, company="acme", now=NOON),
}


def _steps(way: conversion.Way[Any]) -> list[Any]:
    return [way.called, way.talked, way.with_deal, way.worth.rows()]


def answers(built: Scratch) -> dict[str, Any]:
    """Give what each question tells, by its name."""
    told = {name: ask(built) for name, ask in ASKED.items()}
    return {name: one.rows() if isinstance(one, pl.DataFrame) else one for name, one in told.items()}
