"""The learning of tasks, and how its results come to be served."""
