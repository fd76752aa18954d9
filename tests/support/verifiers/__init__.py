"""Verifiers for tests: fakes, an example of every kind, and what they read and answer."""
