"""Rivals: the same faults thrown at what people write first, and what each lost, doubled and had wrong."""
