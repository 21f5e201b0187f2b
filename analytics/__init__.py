"""The warehouse: the one door to DuckDB, refresh, checks and the questions that pages ask."""
