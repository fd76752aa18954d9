"""The configuration: the file, its model and every option."""
