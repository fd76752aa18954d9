"""Known models, and how each is served."""
