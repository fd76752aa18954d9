"""Real processes for tests: the service, its stores, and their users."""
