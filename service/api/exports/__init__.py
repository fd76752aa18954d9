"""Training data over HTTP."""
