"""Tables to take along: CSV and XLSX, whose text no spreadsheet takes for a formula."""

import io

import polars as pl
import xlsxwriter

# A cell that begins so is a formula to a spreadsheet that opens a CSV (OWASP, CSV injection).
_FORMULA = r"^[=+\-@\t\r]"
# Pixels of a column: of its name, a letter each and the arrow of its filter; and of a number or a time, of which a
# narrower column shows nothing but number signs.
LETTER, ARROW, NUMBER, TIME = 8, 24, 100, 140


def csv(frame: pl.DataFrame, *, zone: str) -> bytes:
    """Write a CSV with a byte order mark, so that spreadsheets read it as UTF-8; formulas are disarmed by `'`."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    guarded = _in_zone(frame, zone=zone).with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )
    return "\ufeff".encode() + guarded.write_csv().encode()


def xlsx(frame: pl.DataFrame, *, zone: str) -> bytes:
    """Write an XLSX in which text stays text, and instants are what a clock of the zone shows: it knows no zones."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(
        written, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    ) as book:
        local = _in_zone(frame, zone=zone).with_columns(pl.col(_zoned(frame)).dt.replace_time_zone(None))
        local.write_excel(
            book,
            autofit=False,
            column_widths={
                name: max(LETTER * len(name) + ARROW, TIME if kind.is_temporal() else NUMBER)
                for name, kind in local.schema.items()
            },
        )
    return written.getvalue()


def _in_zone(frame: pl.DataFrame, *, zone: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(_zoned(frame)).dt.convert_time_zone(zone))


def _zoned(frame: pl.DataFrame) -> list[str]:
    return [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
