"""What deploy/ holds, for tests."""
