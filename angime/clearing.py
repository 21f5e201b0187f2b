"""Clears away what still holds what was taken out of the warehouse: indexes of words, and old pages of the catalog."""

from analytics.engine.catalogs import catalog_of
from analytics.engine.keeping import forget_index
from analytics.settings import AnalyticsSettings
from schemas.errors import NotYet

CATALOG_SECONDS = 60.0  # those who read the catalog are waited for so long


def clear(settings: AnalyticsSettings, *, wait_seconds: float = CATALOG_SECONDS) -> str:
    """Clear all of it away; gives why the catalog was not, and nothing where it was: then maintenance sees to it."""
    forget_index(settings.warehouse)
    try:
        catalog_of(settings).vacuum(wait_seconds=wait_seconds)
    except NotYet as refusal:
        return refusal.reason
    return ""
