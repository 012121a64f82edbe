"""Benchmarks: ratios against a peer measured in the same run, never an assertion on wall time."""
