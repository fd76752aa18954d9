"""The columns of a score table: which are verifiers, ids and labels, and their values."""
