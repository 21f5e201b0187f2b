"""Search in all transcripts, and the forms of words that it knows."""
