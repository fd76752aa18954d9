"""The few ways in which asking can fail."""

from __future__ import annotations

from typing import Any


class AssayError(Exception):
    """Asking failed; `status` is the HTTP status, None if there was no answer."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


class UnreachableError(AssayError):
    """The service did not answer, or not in time."""


class RequestError(AssayError):
    """The request is wrong: `param` names the field."""


class OverloadedError(AssayError):
    """The service is busy, and still was after all tries."""


class NoScoreError(AssayError):
    """No verifier could answer: the score is missing, and not low."""


#: Statuses by the type of an error, for services that do not say the status of an error in a
#: stream.
STATUSES = {
    "overloaded_error": 429,
    "rate_limit_error": 429,
    "unavailable_error": 503,
    "invalid_request_error": 422,
}


def error_in_stream(body: Any) -> AssayError:
    """Return the error that an event tells, whose stream began with 200."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    status = error.get("status")
    if not isinstance(status, int) or isinstance(status, bool):
        status = STATUSES.get(str(error.get("type")), 500)
    return error_of(status, body)


def error_of(status: int, body: Any) -> AssayError:
    """Return the error that an answer tells."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    message = str(error.get("message") or f"the service answered {status}")
    kind: type[AssayError] = AssayError
    if status == 503 and error.get("code") == "no_verifier":
        kind = NoScoreError
    elif status in (429, 503):
        kind = OverloadedError
    elif 400 <= status < 500:
        kind = RequestError
    return kind(message, status, error.get("code"), error.get("param"))
