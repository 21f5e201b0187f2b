"""Who we are in what we write: the source of facts that are decided here, and the version that wrote them."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

# Source and account of facts of our own and, where they are of no company's, company too.
US = "angime"


@cache
def our_version() -> str:
    """Version of the package that runs; of a source tree that is not installed, `source`."""
    try:
        return version(US)
    except PackageNotFoundError:
        return "source"
