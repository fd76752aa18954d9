"""Everything that a running service holds, opened and closed together."""
