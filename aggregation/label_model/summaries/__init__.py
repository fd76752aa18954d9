"""What a fit found, as data and as text."""
