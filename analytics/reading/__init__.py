"""Readers: sessions beside the writer, what rights let them see, and SQL that a person writes."""
