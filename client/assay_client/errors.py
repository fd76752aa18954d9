"""The few ways in which asking can fail."""

from __future__ import annotations

from typing import Any


class AssayError(Exception):
    """Asking failed.

    `status` is the HTTP status, None if there was no answer; `code` and `param` are the service's;
    `request_id` is the id that the service's log has for the request.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
        self.request_id = request_id


class UrlError(AssayError, ValueError):
    """The service's base URL cannot be one; the message has one that can."""


class UnreachableError(AssayError):
    """The service did not answer, and still did not after all tries."""


class AnswerTimeoutError(UnreachableError, TimeoutError):
    """The service did not answer in time: `timeout_s` for a try, `patience_s` for all."""


class RequestError(AssayError):
    """The request is wrong: `param` names the field."""


class OverloadedError(AssayError):
    """The service is busy, and still was after all tries."""


class NoScoreError(AssayError):
    """No verifier could answer: the score is missing, and not low."""


class VersionChangedError(AssayError):
    """The run's version cannot answer any more: other rewards would be on another scale.

    An answer has another version than the run's first, the service's ensemble has changed, or the
    version is gone (`code` of the service: `run_changed`, `run_conflict`, `version_gone`).
    """


#: Codes of a service that cannot keep to a run's version.
OF_RUN = frozenset({"run_changed", "run_conflict", "version_gone"})
#: Codes with 503 of a score that is missing, or that a verifier's failure made partial.
NO_SCORE = frozenset({"no_verifier", "partial_score"})
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


def error_of(
    status: int, body: Any, url: str = "the service", request_id: str | None = None
) -> AssayError:
    """Return the error that an answer tells."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    message = str(error.get("message") or f"{url} answered {status}: is it an Assay's?")
    kind: type[AssayError] = AssayError
    code = error.get("code")
    if status == 503 and code in NO_SCORE:
        kind = NoScoreError
    elif code in OF_RUN:
        kind = VersionChangedError
    elif status in (429, 503):
        kind = OverloadedError
    elif 400 <= status < 500:
        kind = RequestError
    return kind(message, status, code, error.get("param"), request_id)
