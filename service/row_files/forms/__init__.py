"""Each form in which rows lie in a file, and which one a file has."""
