"""Files of other tools as rankings, score tables or labels."""
