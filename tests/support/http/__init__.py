"""Shared parts of HTTP tests: requests and replies by hand, and both ends of a connection."""
