"""Graders of OpenAI as an ensemble of verifiers."""
