"""Benchmarks: our figures as ratios against named yardsticks in the same run, medians of several rounds."""
