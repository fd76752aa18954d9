"""Real processes for tests: the service, its stores, and who may run them."""
