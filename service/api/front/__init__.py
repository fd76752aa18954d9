"""The stations of every request before its handler: head, key, body, place."""
