"""How good every way of combining scores is."""
