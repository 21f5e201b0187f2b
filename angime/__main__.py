"""The command `angime`: runs the command line and turns refusals into one line and an exit code."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from schemas.errors import AngimeError, Halted, Misconfigured

DONE, CHECK_FAILED, WRONG_USE, HALTED = 0, 1, 2, 3


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line with these words, or with those that the process was started with.

    Exit codes: 0 done, 1 a check failed, 2 wrong use or wrong settings, 3 a stage stopped until a person has looked.
    """
    from angime.commands import app

    try:
        app(words, prog_name="angime")
    except Misconfigured as error:
        _say(error.reason)
        sys.exit(WRONG_USE)
    except Halted as error:
        _say(error.reason)
        sys.exit(HALTED)
    except AngimeError as error:
        _say(error.reason)
        sys.exit(CHECK_FAILED)


def _say(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]angime:[/] {escape(sentence)}", highlight=False)


if __name__ == "__main__":
    main()
