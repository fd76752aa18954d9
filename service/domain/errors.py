"""What stops a start: reasons that a person can act on, shown without a traceback."""


class StartupError(Exception):
    """The service cannot start; the message says why and what to do."""
