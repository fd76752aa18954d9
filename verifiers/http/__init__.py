"""The HTTP client, and calls to one or several servers of a model."""
