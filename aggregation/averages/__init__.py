"""Ways to combine scores that learn nothing of each other."""
