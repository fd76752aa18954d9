"""Half an hour under load while everything fails in turn."""
