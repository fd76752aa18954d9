"""Benchmarks that need a GPU, and what carries them to one without a network."""
