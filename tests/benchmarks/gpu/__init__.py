"""Benchmarks that need a GPU, and a way to carry them to a machine without a network."""
