"""Metrics, traces and logs, and what must never be in them."""
