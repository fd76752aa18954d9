"""Tests of the client's own distribution, against a running service."""
