"""What a verifier is: its input, its verdict, and how it may fail."""
