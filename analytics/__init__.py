"""The warehouse: the one door to DuckDB, refresh, checks and the questions that pages ask.

What each folder holds says docs/adr/0077-modules-lie-in-folders-of-one-idea.md. Here stands how much memory the two
allocators of a process that asks the warehouse keep for its next statement, each of which asks for thousands of small
pieces and for hundreds of 32 KiB, one a column of every step of its plan, and gives all back at its end. What a person
tells an allocator stands last, and holds.
"""

import os
from collections.abc import Mapping

# The engine's own, which reads this as the engine is loaded: after this. By itself it keeps twenty of the large pieces,
# and looks through them after every second piece: to fold no call at all took 30 ms of processor time so, and takes 23.
# So many are 16 MiB a thread.
ALLOCATOR = ("tcache_nslots_large:500", "tcache_gc_incr_bytes:1073741824")
_TOLD = "DUCKDB_JE_MALLOC_CONF"
# The C library's, which reads this before Python begins, so that whoever starts a process must tell it. By itself it
# keeps seven pieces of a size, and to find the small ones took a lander a quarter of its processor time.
C_ALLOCATOR = "glibc.malloc.tcache_count=4000"
# Threads that come and go, as those that draw pages do, would take theirs from eight stocks a processor, of which each
# comes to hold what one of them once needed and is of no use to the others: fifty MiB more, on two processors.
FEW_STOCKS = "glibc.malloc.arena_max=2"
_C_TOLD = "GLIBC_TUNABLES"

os.environ[_TOLD] = ",".join(dict.fromkeys([*ALLOCATOR, *filter(None, os.environ.get(_TOLD, "").split(","))]))


def environ_to_ask(environ: Mapping[str, str], *, has_many_threads: bool) -> dict[str, str]:
    """Give the environment of a process that asks the warehouse often, made of that of others."""
    told = [C_ALLOCATOR, FEW_STOCKS if has_many_threads else "", environ.get(_C_TOLD, "")]
    return {**environ, _C_TOLD: ":".join(filter(None, told))}
