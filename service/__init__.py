"""The HTTP service: parses, asks, combines, answers."""
