"""Samples of evaluation tools: answers with metrics."""
