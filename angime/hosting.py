"""Runs a program of others as a process of ours: what it and what it loads write into the log is written as ours is.

`python -m angime.hosting MODULE WORDS` does what `python -m MODULE WORDS` would.
"""

import runpy
import sys

from angime import logs, presence
from angime.settings import load
from pipelines.settings import PipelinesSettings


def main() -> None:
    """Run the module that the command line names."""
    logs.set_up()
    presence.follow(load(PipelinesSettings).home)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
