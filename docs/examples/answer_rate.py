"""An example for analysts: the answer rate of each day, from the live warehouse or from a snapshot, as a notebook."""

import marimo

app = marimo.App(width="medium")


@app.cell
def question():
    import sys

    import angime

    place = sys.argv[1] if len(sys.argv) > 1 else None
    with angime.connect(place) as connection:
        daily = connection.sql(
            """
            select
                day,
                count(*) as incoming,
                count(*) filter (where outcome = 'answered') as answered
            from facts.calls
            where direction = 'incoming' and outcome <> 'in_progress' and not (is_internal or is_test)
            group by day
            order by day
            """
        ).pl()
    return (daily,)


@app.cell
def rate(daily):
    import polars as pl
    from marimo import running_in_notebook

    rated = daily.with_columns(answer_rate=pl.col("answered") / pl.col("incoming"))
    if not running_in_notebook():
        print(rated.write_csv())
    rated
    return (rated,)


@app.cell
def chart(rated):
    import altair as alt

    share = alt.Y("answer_rate", axis=alt.Axis(format="%"), scale=alt.Scale(domain=(0, 1)))
    alt.Chart(rated, width="container").mark_line(point=True).encode(x="day", y=share, tooltip=rated.columns)


if __name__ == "__main__":
    app.run()
