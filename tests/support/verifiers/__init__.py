"""Verifiers for tests: fakes, an example of every kind, and their texts and replies."""
