"""The process that listens."""
