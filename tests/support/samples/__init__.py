"""Scores with known truth, and learners of them."""
