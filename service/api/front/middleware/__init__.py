"""What every request passes before its handler, a middleware a file; `stack` has their order."""
