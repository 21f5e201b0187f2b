"""What the page of SQL asks beside people's own statements: which relations there are, and what their columns hold."""

import polars as pl

from analytics.connection import Reader


def relations(reader: Reader) -> pl.DataFrame:
    """Give every table and view: relation, meaning (what one row is)."""
    text = "select relation, meaning from reference.dictionary where position = 0 order by relation"
    return reader.sql(text, {})


def columns(reader: Reader, *, relation: str) -> pl.DataFrame:
    """Give the columns of a relation in their order: column, type, unit, meaning."""
    text = """
        select "column", type, unit, meaning from reference.dictionary
        where relation = $relation and position > 0 order by position
    """
    return reader.sql(text, {"relation": relation})
