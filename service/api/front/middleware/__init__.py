"""The middlewares of every request, one in a file; `stack` has their order."""
