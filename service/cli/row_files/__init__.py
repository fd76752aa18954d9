"""Files of rows: labels, and training data."""
