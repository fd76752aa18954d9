"""Hostile Python, run in processes that can only compute. Started by `sandbox.py` by path: the
standard library only.
"""
