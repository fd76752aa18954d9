"""A task: its settings, the version of its model that it serves, and its statistics."""
