"""The findings of a fit, as data and as text."""
