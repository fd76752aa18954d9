"""Scores with known truth, and what learns from them."""
