"""Asking in tiers."""
