"""Verifiers' knowledge of a vLLM server."""
