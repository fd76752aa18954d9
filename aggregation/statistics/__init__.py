"""Statistics that add up over rows and shards."""
