"""Shared helpers of the tests: stand-ins, processes, samples."""
