"""Plain data of a request and of its record: no I/O, no framework."""
