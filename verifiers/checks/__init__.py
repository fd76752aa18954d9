"""Checks that run here, without a model."""
