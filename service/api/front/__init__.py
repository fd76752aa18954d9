"""What every request passes before its handler: head, key, body, place."""
