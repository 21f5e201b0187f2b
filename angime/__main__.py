"""The command `angime`: runs the command line and turns refusals into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from errno import EDQUOT, ENOSPC

from rich.console import Console
from rich.markup import escape

from schemas.errors import AngimeError, Halted, Misconfigured, NotThere

DONE, CHECK_FAILED, WRONG_USE, HALTED = 0, 1, 2, 3
MENDING = "give this user the right to read and write there, or name another folder (that of all state: ANGIME_HOME)"


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line with these words, or with those that the process was started with.

    Exit codes: 0 done, 1 a check failed, 2 wrong use or wrong settings, 3 a stage stopped until a person has looked.
    """
    from angime.commands import app

    try:
        app(words, prog_name="angime")
    except (Misconfigured, NotThere) as error:
        _say(error.reason)
        sys.exit(WRONG_USE)
    except Halted as error:
        _say(error.reason)
        sys.exit(HALTED)
    except AngimeError as error:
        _say(error.reason)
        sys.exit(CHECK_FAILED)
    except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
        if error.filename is None:
            raise
        mending = "move this folder away" if isinstance(error, IsADirectoryError) else MENDING
        _say(f"{error.filename} cannot be used ({error.strerror}): {mending}")
        sys.exit(WRONG_USE)
    except Exception as error:
        if lacking := memory_lacking(error):
            _say(lacking)
            sys.exit(CHECK_FAILED)
        if not any(os.strerror(number) in str(error) for number in (ENOSPC, EDQUOT)):
            raise
        _say("a disk has no room left: free some of it (`angime status` says what takes how much), and ask again")
        sys.exit(CHECK_FAILED)


def memory_lacking(error: Exception) -> str | None:
    """Say what lacked memory, and what mends it; None where it was something else that went wrong."""
    told = str(error)
    if "Out of Memory Error" in told and "used)" in told:  # the engine's words for the limit that we set it
        return "the engine's memory does not suffice: set ANGIME_WAREHOUSE_MEMORY_MIB higher, and ask again"
    if isinstance(error, MemoryError) or "Out of Memory Error" in told or "bad_alloc" in told:
        return (
            "the machine gives this process no more memory: end other programs, lift the limit that it runs under "
            "(`ulimit -v`, a container's, a service's), or set ANGIME_WAREHOUSE_MEMORY_MIB lower, and ask again"
        )
    return None


def _say(sentence: str) -> None:
    from angime.logs import standard_error

    console = Console(file=standard_error(), soft_wrap=True, emoji=False)
    console.print(f"[bold red]angime:[/] {escape(sentence)}", highlight=False)


if __name__ == "__main__":
    main()
