"""The few ways in which asking a verifier fails."""

from __future__ import annotations

from assay.verifiers.contract.verifier import Status, Verdict


class VerifierError(Exception):
    """A verifier did not answer; `reason` is a short code, the message tells the cause.

    `sent`: whether a call was sent.
    """

    status = Status.ERROR
    reason = "error"
    sent = True

    def verdict(self) -> Verdict:
        """Return the verdict of each candidate of the failed call."""
        text = str(self)
        return Verdict(
            None, self.status, f"{self.reason}: {text}" if text else self.reason, called=self.sent
        )


class UnreachableError(VerifierError):
    """No connection, or one that broke before the answer came; worth another try."""

    reason = "unreachable"
    sent = False


class LostError(UnreachableError):
    """The connection broke after the request was sent; worth one more try at most.

    `again`: that try was made.
    """

    again = False

    sent = True


class UpstreamFailedError(VerifierError):
    """The server answered with a 5xx status. Worth another try."""

    reason = "upstream_5xx"


class OverloadedError(VerifierError):
    """The server, or a gateway before it, has too much to do (429).

    Worth another try, and fewer calls at once.
    """

    reason = "upstream_429"


class RefusedError(VerifierError):
    """The server refused the request (4xx): asking again would not help."""

    reason = "upstream_4xx"

    def __init__(self, message: str, status_code: int = 400, param: str | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.param = param


class TooLongError(RefusedError):
    """The input has more tokens than the model takes, so no verdict fitted."""

    status = Status.TRUNCATED
    reason = "too_long"


class BadReplyError(VerifierError):
    """The reply breaks the endpoint's form: no JSON, other rows than requested, no number."""

    reason = "bad_reply"


class VerifierTimeoutError(VerifierError):
    """No answer within the verifier's time."""

    status = Status.TIMEOUT
    reason = "timeout"

    def __init__(self, message: str = "", sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class BreakerOpenError(VerifierError):
    """The verifier failed so often of late that it is not asked for a while."""

    reason = "breaker_open"
    sent = False


class MissingExtraError(VerifierError):
    """A library or model file of the verifier is not installed: it is left out without failing."""

    status = Status.SKIPPED
    reason = "not_installed"
    sent = False
