"""The failures that callers of a room have to tell apart, and what stops a start: neither knows of
HTTP.
"""


class StartupError(Exception):
    """The service cannot start; the message says why and what to do."""


class StoreError(Exception):
    """A call to the store came to nothing; `reason` is a word of the tables in `store.errors`."""

    def __init__(self, message: str, reason: str = "away") -> None:
        super().__init__(message)
        self.reason = reason


class StoreDownError(StoreError):
    """The store does not answer, or does nothing for anybody yet; the service goes on without
    it.
    """


class StoreRefusedError(StoreError):
    """The store answers, and refuses this call; others it may grant."""


class NoNewsError(Exception):
    """The store cannot be listened to; who wants to know has to look."""


class NoVerifierError(Exception):
    """No verifier could score any candidate; `reasons` says why, by verifier."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("no verifier could answer")
        self.reasons = reasons


class TooMuchWorkError(Exception):
    """The service has as much under way as it is allowed."""
