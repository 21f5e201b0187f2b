"""The engine: DuckDB and the lake attached to it, where its catalog and its files lie, and what keeps them in order."""
