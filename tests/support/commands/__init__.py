"""The `assay` command as a user runs it."""
