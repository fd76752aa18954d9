"""The store: the only folder that speaks to Redis."""
