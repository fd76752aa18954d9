"""Runs of trainers: each answered by one version from its first call to its last."""
