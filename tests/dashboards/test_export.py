"""Files to take along: what was text stays text in a spreadsheet, and no row is lost."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dashboards import export

TABLE = pl.DataFrame(
    {
        "contact": ['=HYPERLINK("http://evil.example")', "+77010000001", "@cmd", "-1", "\t=1", "Анна", None],
        "operator": ["Ivan"] * 7,
        "talk_seconds": [1.5, 2.0, 3.0, 4.0, 5.0, 6.0, -7.0],
        "started_at": [datetime(2026, 3, 9, 4, 0, tzinfo=UTC)] * 7,
    }
)


def test_no_text_of_a_csv_is_a_formula() -> None:
    read = pl.read_csv(export.csv(TABLE, zone="UTC").removeprefix(b"\xef\xbb\xbf"))
    expected = ['\'=HYPERLINK("http://evil.example")', "'+77010000001", "'@cmd", "'-1", "'\t=1", "Анна", None]
    assert expected == read["contact"].to_list()


def test_numbers_of_a_csv_stay_numbers() -> None:
    read = pl.read_csv(export.csv(TABLE, zone="UTC").removeprefix(b"\xef\xbb\xbf"))
    assert TABLE["talk_seconds"].to_list() == read["talk_seconds"].to_list()


def test_a_spreadsheet_holds_text_and_no_formula() -> None:
    with zipfile.ZipFile(io.BytesIO(export.xlsx(TABLE, zone="UTC"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        shared = book.read("xl/sharedStrings.xml").decode()
    assert ("<f>" not in sheet, "HYPERLINK" in shared, "+77010000001" in shared) == (True, True, True)


def test_an_instant_is_written_as_a_clock_of_the_zone_shows_it() -> None:
    with zipfile.ZipFile(io.BytesIO(export.xlsx(TABLE, zone="Asia/Almaty"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    nine = datetime(2026, 3, 9, 9, tzinfo=UTC) - datetime(1899, 12, 30, tzinfo=UTC)
    csv = pl.read_csv(export.csv(TABLE, zone="Asia/Almaty"))
    assert f"<v>{nine / timedelta(days=1)}</v>" in sheet
    assert {"2026-03-09T09:00:00.000000+0500"} == set(csv["started_at"])


def test_a_column_is_as_wide_as_its_name_and_what_may_not_be_cut_off() -> None:
    table = TABLE.with_columns(day=pl.col("started_at").dt.date(), fee=1_000_000.0)
    with zipfile.ZipFile(io.BytesIO(export.xlsx(table, zone="UTC"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    found = re.findall(r'<col min="([0-9]+)" max="([0-9]+)" width="([0-9.]+)"', sheet)
    widths = [float(width) for first, last, width in found for _ in range(int(first), int(last) + 1)]
    names = ("contact", "operator", "talk_seconds", "2026-03-09 04:00:00", "2026-03-09", "1,000,000.000")
    assert [True] * 6 == [width >= len(name) for name, width in zip(names, widths, strict=True)]


@pytest.mark.parametrize("write", [export.csv, export.xlsx])
def test_an_empty_table_can_be_taken_along(write) -> None:  # noqa: ANN001
    assert len(write(TABLE.clear(), zone="UTC")) > 0
