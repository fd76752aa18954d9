"""Labels of a running service's tasks, in files."""
