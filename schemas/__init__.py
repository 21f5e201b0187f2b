"""The contracts: event types, envelope, topics, upcasters, codec and errors; no I/O and no clock.

A local time is read by the zones of the package tzdata, which is pinned. Those of the machine may be years old, and the
same bytes of a provider would be another instant there.
"""

import zoneinfo

zoneinfo.reset_tzpath(to=())
