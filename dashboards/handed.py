"""Files that pages hand out: each at an address of its own, which holds while its page may still be open.

Streamlit forgets how to make the file of a button when it draws the page anew, and a press at that moment fails. Here
the same file of the same visit keeps its address however often the page is drawn.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from msgspec import Struct

MAX_OFFERS = 2_000


class Offer(Struct, frozen=True, kw_only=True):
    """A file that is made when it is fetched; with a login, `bearer` is what only the browser of its visit carries."""

    make: Callable[[], bytes]
    name: str
    media_type: str
    bearer: str


class Offers:
    """What this process hands out; of more than MAX_OFFERS the longest untouched is forgotten."""

    def __init__(self, *, most: int = MAX_OFFERS) -> None:
        self._most = most
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._lock = Lock()

    def hand_out(self, offer: Offer, *, visit: str, place: str) -> str:
        """Give the address of a file, which nobody guesses: the same for the same `place` of the same secret visit."""
        address = hmac.new(visit.encode(), place.encode(), hashlib.sha256).hexdigest()
        with self._lock:
            self._offers[address] = offer
            self._offers.move_to_end(address)
            while len(self._offers) > self._most:
                self._offers.popitem(last=False)
        return address

    def find(self, address: str, *, bearer: str) -> Offer | None:
        """Find the file at an address for whoever it was handed to."""
        with self._lock:
            found = self._offers.get(address)
        if found is None or (found.bearer and not hmac.compare_digest(found.bearer.encode(), bearer.encode())):
            return None
        return found


OFFERS = Offers()
