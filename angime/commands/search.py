"""The verb that searches all transcripts."""

from contextlib import closing
from datetime import date
from typing import Annotated, Any

import msgspec
import typer

from angime.commands.metrics import check_operators, only_company
from angime.commands.names import OneCompany
from angime.commands.output import Json, say, step
from angime.commands.root import app

QUOTES = ("“", "”")


@app.command()
def search(  # noqa: PLR0913, PLR0917  # each is an option of the command
    words: Annotated[str, typer.Argument(help="Words to look for, in any of their forms.")],
    company: OneCompany = "",
    first: Annotated[str, typer.Option("--from", help="First local day, such as 2026-03-01.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last local day.")] = "",
    operator: Annotated[list[str] | None, typer.Option(help="Only calls of this operator; repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Calls at most.")] = 20,
    json_output: Json = False,
) -> None:
    """Search what was said in all calls, ranked, in English, Russian, Kazakh and Portuguese.

    Exits with 1 when nothing is found.

    Example: `angime search "сколько стоит доставка" --from 2026-03-01 --operator aigul`
    """
    from analytics.search.index import FILE, SearchIndex, SearchQuery
    from analytics.search.word_forms import words_of
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import open_reader
    from angime.settings import load

    if not words_of(words):
        raise typer.BadParameter("there is no word in it", param_hint="WORDS")
    first_day, last_day = _day(first, option="--from"), _day(last, option="--to")
    if first_day and last_day and first_day > last_day:
        raise typer.BadParameter("the last day lies before the first", param_hint="--to")
    settings = load(AnalyticsSettings)
    with open_reader(settings) as reader:
        query = SearchQuery(
            text=words,
            company=company or only_company(reader),
            first=first_day,
            last=last_day,
            operators=tuple(operator or ()),
            limit=limit,
        )
        check_operators(reader, query.operators, company=query.company)
        with closing(SearchIndex(settings.warehouse / FILE)) as index:
            index.follow(reader)
            found = index.search(query, reader=reader)
    if json_output:
        say(msgspec.json.encode(found).decode())
    else:
        for one in found:
            _print_found(one)
    if not found:
        step("nothing was found: try fewer words, or more days")
        raise typer.Exit(1)


def _day(written: str, *, option: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise typer.BadParameter("write a day like 2026-03-01", param_hint=option) from None


def _print_found(one: Any) -> None:
    from analytics.search.index import marked

    say(f"{one.day}  {one.call_id}  {one.operator_id or ''}  {one.score:.2f}")
    for turn in one.turns:
        say(f"  {turn.start_seconds:7.2f}  {turn.role:<9} {marked(turn.text, turn.marks, quotes=QUOTES)}")
