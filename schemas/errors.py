"""The tree of errors: each class says what happens next.

    AngimeError
    ├── InvalidEvent    → the bytes go to the dead letters, the rest goes on
    ├── NotYet          → the work is tried again later, with back-off
    │   └── NotThere    → a verb ends with one line that says how to make what it asks of, exit 2
    ├── Misconfigured   → the program stops with one line for a person, exit 2
    │   └── OtherLog       → the lander begins anew where the broker is its own, else as above
    └── Halted          → one stage stops until a person has looked, exit 3; the others go on

More is caught where the machine refuses: a file that this user may not use, a full disk, and memory that does not
suffice, of which the front door says so; and a mistake of ours in a translator, which is pure and would make it again:
the record goes to the dead letters (docs/adr/0064). Any other exception is a bug, the process ends, its
supervisor starts it again and the work is repeated. A reason never holds message text, transcript text, phone numbers,
names or secrets.
"""

from collections.abc import Collection


class AngimeError(Exception):
    """What every refusal of ours has in common: one sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidEvent(AngimeError):
    """These bytes can never become an event as they are; keep them as a dead letter and go on."""


class NotYet(AngimeError):
    """Something outside is not ready (a broker, a recording); try the same again later."""


class NotThere(NotYet):
    """What is asked of was never made, such as the warehouse of a home; the sentence says how, or where to look."""


class Halted(AngimeError):
    """So much is refused that it must be our fault; the stage stops before it buries what is good."""


class Misconfigured(AngimeError):
    """A setting, a file or the machine is not as it must be; the sentence says which and how to mend it."""


OTHER_LOG = (
    "it was emptied or is another cluster; set ANGIME_KAFKA to the one read before, or let `angime land --anew` read "
    "all that this one holds, of which the log takes only what it lacks"
)


class OtherLog(Misconfigured):
    """Kafka does not hold what was read of these partitions: another cluster, topics made anew, or an end cut off."""

    def __init__(self, reason: str, *, places: Collection[tuple[str, int]]) -> None:
        super().__init__(reason)
        self.places = places
