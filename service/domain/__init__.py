"""Plain data of a request and of what is kept of it: no I/O, no framework."""
