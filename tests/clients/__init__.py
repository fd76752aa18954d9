"""Other services' own released clients against a running service (make test-clients)."""
