"""A fitted label model as plain data, and as a file."""
