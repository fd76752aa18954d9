"""Hostile text and hostile code."""
