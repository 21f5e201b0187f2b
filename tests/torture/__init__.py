"""Torture: faults thrown at everything, each with an oracle that says what must be true afterwards."""
