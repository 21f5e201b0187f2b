"""What is said when something that a warehouse stands on, on another machine, is away."""

from schemas.errors import NotYet


class WarehouseAway(NotYet):
    """The catalog or the data files are on another machine, and away: whoever held the warehouse open opens it anew."""
