"""Ranked traffic as training data for other models."""
