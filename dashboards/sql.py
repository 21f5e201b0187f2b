# pyright: reportUnknownMemberType=false
"""SQL of one's own: the dictionary beside the editor, examples, and the answer as table, chart and file."""

import polars as pl
import streamlit as st
from msgspec import structs

from analytics.dictionary import LAYER_MEANINGS
from analytics.questions import dictionary
from analytics.reading import sandbox
from analytics.reading.sandbox import Answer
from analytics.settings import AnalyticsSettings
from dashboards import charts, controls, downloads, shown
from dashboards.page import Page, heading
from dashboards.sql_examples import EXAMPLES
from dashboards.state import MAX_SQL
from dashboards.texts import clean, plain

MAX_BARS = 60
LAYERS = ("facts", "reports", "metrics", "reference", "staging", "checks", "log")


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    controls.stamp(page)
    answer = _asked(page) if page.state.sql.strip() else None
    heading(_headline(page, answer), level=2)
    if not page.viewer.rights.sees_people:
        st.caption(plain(say("Names, numbers and what was said are hidden; a contact has a word of no meaning.")))
    editor, schema = st.columns([3, 2], gap="large")
    with editor:
        _editor(page)
    with schema:
        _schema(page)
    if answer is not None:
        _draw_answer(page, answer)


def _headline(page: Page, answer: Answer | None) -> str:
    say = page.say
    if answer is None:
        return say("Ask the warehouse in SQL")
    outcome = answer.outcome
    if outcome.problem:
        return {
            "refused": say("Not run"),
            "error": say("The engine does not understand this"),
            "time": say("Stopped: it took longer than {n} s", n=say.number(page.settings.sql_seconds)),
            "memory": say("Stopped: it wanted too much memory"),
            "size": say("Stopped: the answer is too large to show"),
            "busy": say("Others are asking right now; try again in a moment"),
        }[outcome.problem]
    told = say.plural("{n} row", "{n} rows", answer.rows.height)
    if outcome.is_cut:
        told = say("The first {rows}; there are more", rows=told)
    return f"{told} · {say.seconds(outcome.seconds)}"


def _asked(page: Page) -> Answer:
    """Run the statement beside the pages; its answer is kept while the warehouse stays as it is."""
    settings, text = AnalyticsSettings(home=page.settings.home), page.state.sql
    rights, seconds = page.viewer.rights, page.settings.sql_seconds
    return page.keep(f"sql {text}", lambda: sandbox.ask(settings, text=text, rights=rights, seconds=seconds))


def _editor(page: Page) -> None:
    say = page.say
    names = [say(title) for title, _ in EXAMPLES]
    chosen = st.selectbox(
        say("Examples"), names, index=None, placeholder=say("Choose an example to begin with"), key="sql_example"
    )
    if chosen is not None and st.session_state.get("sql_example_taken") != chosen:
        st.session_state["sql_example_taken"] = chosen
        controls.remember(structs.replace(page.state, sql=EXAMPLES[names.index(chosen)][1]))
        st.rerun()
    st.session_state["choice_sql"] = page.state.sql
    with st.form("sql", border=False):
        st.text_area(
            say("One query"),
            height=260,
            max_chars=MAX_SQL,
            key="choice_sql",
            placeholder="select outcome, count(*) as calls from facts.calls group by all",
        )
        st.form_submit_button(
            say("Run"),
            icon=":material/play_arrow:",
            type="primary",
            on_click=controls.changed,
            args=("sql",),
            help=say("Or press Ctrl and Enter in the editor."),
        )
    st.caption(
        plain(
            say(
                "It only reads, sees one state of the warehouse, and stops after {seconds} s or {rows} rows.",
                seconds=say.number(page.settings.sql_seconds),
                rows=say.number(sandbox.MAX_ROWS),
            ),
            limit=300,
        )
    )


def _schema(page: Page) -> None:
    say = page.say
    entries = page.ask(dictionary.relations)
    meanings = dict(entries.select("relation", "meaning").iter_rows())
    names = sorted(meanings, key=lambda name: (_layer(name), name))
    chosen = st.selectbox(
        say("Tables and views"),
        names,
        index=names.index("facts.calls") if "facts.calls" in names else 0,
        key="sql_relation",
    )
    if not chosen:
        return
    layer = chosen.partition(".")[0]
    st.caption(plain(f"{meanings[chosen].partition('. ')[0]} ({layer}: {LAYER_MEANINGS.get(layer, '')})", limit=600))
    rows = page.ask(dictionary.columns, relation=chosen).to_dicts()
    shown.table(
        {
            say("Column"): [row["column"] for row in rows],
            say("Type"): [row["type"] for row in rows],
            say("What it holds"): [
                clean(f"{row['meaning']}{', ' + row['unit'] if row['unit'] else ''}", limit=300) for row in rows
            ],
        },
        alt=say("Columns of the chosen table with their meaning."),
        highest=320,
    )


def _layer(relation: str) -> int:
    layer = relation.partition(".")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


def _draw_answer(page: Page, answer: Answer) -> None:
    say = page.say
    if answer.outcome.problem:
        if answer.outcome.words:
            st.code(clean(answer.outcome.words, limit=2_000), language=None, wrap_lines=True)
        return
    if answer.rows.is_empty():
        st.caption(plain(say("No row fits.")))
        return
    table, chart = st.tabs([say("Table"), say("Chart")])
    with table:
        st.dataframe(
            answer.rows,
            hide_index=True,
            height="content" if answer.rows.height < 12 else 460,
            alt=say("The rows of the answer."),
        )
    with chart:
        _chart(page, answer.rows)
    downloads.draw(page, lambda: answer.rows, name="angime-sql", is_told=False)


def _chart(page: Page, rows: pl.DataFrame) -> None:
    say = page.say
    heights = [name for name, kind in rows.schema.items() if kind.is_numeric()]
    places = [name for name, kind in rows.schema.items() if not kind.is_nested() and name not in heights]
    if not heights or not (places or len(heights) > 1):
        st.caption(plain(say("A chart needs a column of numbers and a column to place them by.")))
        return
    left, right = st.columns(2)
    by = left.selectbox(say("By"), [*places, *heights], key="sql_by")
    height = right.selectbox(say("Height"), [name for name in heights if name != by], key="sql_height")
    drawn = rows.head(MAX_BARS).select(
        by=pl.col(by).cast(pl.String).fill_null("–"), height=pl.col(height).cast(pl.Float64)
    )
    if not drawn["height"].count():
        st.caption(plain(say("Nothing to draw: this column holds no numbers.")))
        return
    st.vega_lite_chart(
        charts.bars(drawn, titles={"by": by, "height": height}, number=say.number_format()),
        alt=say("The rows as bars; the same figures stand in the table."),
    )
    if rows.height > MAX_BARS:
        st.caption(plain(say("The chart shows the first {n} rows.", n=say.number(MAX_BARS))))
