"""What verifiers are to each other: copies, and inverted ones."""
