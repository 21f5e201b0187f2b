"""The analyst's tour: every statement of docs/tour.md runs and answers on a simulated company."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from analytics import questions
from analytics.folding.scratch import Scratch
from analytics.questions import Scope
from tests.analytics import simulated
from tests.analytics.simulated import WHOLE

TOUR = (Path(__file__).parents[2] / "docs" / "tour.md").read_text(encoding="utf-8")
STATEMENTS = dict(re.findall(r"## (.+?)\n.*?```sql\n(.+?)```", TOUR, re.DOTALL))


@pytest.fixture(scope="module")
def warehouse() -> Generator[Scratch]:
    built = simulated.warehouse()
    yield built
    built.close()


def test_the_tour_answers_ten_questions_and_one_page() -> None:
    assert (11, TOUR.count("```sql")) == (len(STATEMENTS), len(STATEMENTS))


@pytest.mark.parametrize("title", list(STATEMENTS))
def test_a_statement_of_the_tour_answers(warehouse: Scratch, title: str) -> None:
    answered = warehouse.sql(STATEMENTS[title])

    assert answered.height > 0
    assert [] == [name for name in answered.columns if answered[name].null_count() == answered.height]


def test_the_tour_s_number_is_the_page_s(warehouse: Scratch) -> None:
    title = next(reversed(STATEMENTS))
    shown = questions.figures(
        warehouse, period=WHOLE, scope=Scope(company="demo"), metrics=("answer_rate",), by=("day",)
    )

    columns = ("day", "value", "numerator", "denominator", "sample")
    assert shown.select(columns).rows() == warehouse.sql(STATEMENTS[title]).select(columns).rows()


def test_the_tour_s_first_call_resolution_is_the_page_s(warehouse: Scratch) -> None:
    counted = warehouse.sql(STATEMENTS["7. Does the first call solve it?"])
    [figure] = questions.figures(
        warehouse, period=WHOLE, scope=Scope(company="demo"), metrics=("first_call_resolution",)
    ).to_dicts()

    assert (figure["numerator"], figure["sample"]) == (counted["solved"].sum(), counted["first_calls"].sum())
