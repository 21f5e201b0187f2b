"""Tables to take along: CSV and XLSX, whose text no spreadsheet takes for a formula."""

import io

import polars as pl
import xlsxwriter

# A cell that begins so is a formula to a spreadsheet that opens a CSV (OWASP, CSV injection).
_FORMULA = r"^[=+\-@\t\r]"


def csv(frame: pl.DataFrame) -> bytes:
    """Write a CSV with a byte order mark, so that spreadsheets read it as UTF-8; formulas are disarmed by `'`."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    guarded = frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )
    return "\ufeff".encode() + guarded.write_csv().encode()


def xlsx(frame: pl.DataFrame) -> bytes:
    """Write an XLSX in which text stays text and instants are UTC."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(
        written, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    ) as book:
        zoned = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
        frame.with_columns(
            pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None) for name in zoned
        ).write_excel(book, autofit=False)
    return written.getvalue()
