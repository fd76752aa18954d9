"""Comparisons of two systems."""
