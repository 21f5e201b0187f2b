"""Questions about what came late: which numbers of closed days changed, and how far each source's facts reach."""

import polars as pl

from analytics.connection import Reader
from analytics.questions.asking import Period


def corrections(reader: Reader, *, period: Period, company: str) -> pl.DataFrame:
    """Give the numbers over calls that changed after their day was closed, the newest day first.

    Columns: day, metric, first_value, value, change, first_sample, sample, late_events, late_calls, sources,
    first_recorded_at, last_recorded_at.
    """
    text = """
        select * exclude (company) from reports.corrections
        where company = $company and day between $first and $last
        order by day desc, metric
    """
    return reader.sql(text, {"company": company, "first": period.first, "last": period.last})


def watermarks(reader: Reader, *, company: str) -> pl.DataFrame:
    """Tell of each source how far its facts reach: source, events, newest_time, newest_recorded_at, closed_through."""
    text = "select * exclude (company) from reports.watermarks where company = $company order by source"
    return reader.sql(text, {"company": company})
