"""The label model: from raw scores to P(correct)."""
