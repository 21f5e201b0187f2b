"""The catalogue of metrics, what SQL is made of it, and what is watched by it."""
