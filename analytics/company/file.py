"""Company data of this installation, read from the files that the settings name."""

from analytics.settings import AnalyticsSettings
from schemas.company import Company, parse_company
from schemas.errors import Misconfigured


def read_companies(settings: AnalyticsSettings) -> tuple[Company, ...]:
    """Read every company file; none when the default file does not exist yet.

    Raises Misconfigured for a file that was named and is not there, or that does not read as company data.
    """
    path = settings.company if settings.company is not None else settings.home / "company.toml"
    if path.is_dir():
        files = sorted(path.glob("*.toml"))
    elif path.exists() or settings.company is not None:
        files = [path]
    else:
        files = []
    try:
        return tuple(parse_company(file.read_text(encoding="utf-8"), file=str(file)) for file in files)
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"{path} cannot be read as company data: set ANGIME_COMPANY to a company.toml") from None
