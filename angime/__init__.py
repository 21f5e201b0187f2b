"""The front door: the command line, `up` and `demo`; it composes the folders and owns no logic."""
