"""Judgements of answers: ratings, comparisons, reward models."""
