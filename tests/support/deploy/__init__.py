"""The files in deploy/, for tests."""
