"""Bounds on concurrent work, and calls that several requests share."""
