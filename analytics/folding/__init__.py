"""Folding: facts and reports are made of the log, for what new events touched or for all that there is."""
