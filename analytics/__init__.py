"""The warehouse: the one door to DuckDB, refresh, checks and the questions that pages ask."""

import os

# How the engine's allocator keeps what is given back to it, which it reads as the engine is loaded: after this. Each
# statement asks for hundreds of pieces of 32 KiB, one a column of every step of its plan, and gives all back at its
# end. By itself the allocator keeps twenty of them for the next, and looks through them after every second piece: to
# fold no call at all took 30 ms of processor time so, and takes 23. So many are 16 MiB a thread. What a person tells it
# stands last, and holds.
ALLOCATOR = ("tcache_nslots_large:500", "tcache_gc_incr_bytes:1073741824")
_TOLD = "DUCKDB_JE_MALLOC_CONF"

os.environ[_TOLD] = ",".join(dict.fromkeys([*ALLOCATOR, *filter(None, os.environ.get(_TOLD, "").split(","))]))
