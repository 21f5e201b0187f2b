"""The contracts: event types, envelope, topics, upcasters, codec and errors; no I/O and no clock."""
