"""Hostile Python in processes that can only compute; `sandbox.py` starts them by path."""
