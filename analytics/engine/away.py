"""What is said when something that a warehouse stands on is away: on another machine, or on a disk without room."""

from schemas.errors import NotYet


class WarehouseAway(NotYet):
    """The catalog or the data files cannot be used just now: whoever held the warehouse open opens it anew."""
