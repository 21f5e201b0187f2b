"""Persons: erasing them, forgetting what is kept for a time, and finding where they are named."""
