"""Metrics, traces and logs, and the secrets that they must not hold."""
