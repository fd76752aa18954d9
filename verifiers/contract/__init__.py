"""The contract of a verifier: its input, its verdict, and its failures."""
