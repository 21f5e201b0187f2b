"""The verb that writes the digest of a period."""

from pathlib import Path
from typing import Annotated

import typer

from angime.commands.names import DigestCompany, DigestPeriod, Language
from angime.commands.output import Json, print_fields
from angime.commands.root import app


@app.command()
def digest(
    period: DigestPeriod = "week",
    language: Language = "en",
    company: DigestCompany = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the files; without it digests under home.")] = None,
    json_output: Json = False,
) -> None:
    """Write the overview of a period as an HTML mail, a PNG and a PDF.

    Example: `angime digest --period week --language ru`
    """
    from datetime import UTC, datetime

    from angime.settings import load
    from dashboards import digest as digests
    from dashboards.settings import DashboardsSettings

    settings = load(DashboardsSettings)
    folder = out or settings.home / "digests"
    written = digests.write(
        settings, company=company, preset=period, language=language, folder=folder, now=datetime.now(UTC)
    )
    fields = {"html": written.html, "mail": written.mail, "png": written.png, "pdf": written.pdf}
    print_fields({name: str(path) for name, path in fields.items()}, as_json=json_output)
