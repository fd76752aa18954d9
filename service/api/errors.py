"""Failures and their answers, in one place: `{"error": {type, message, param, code}}`."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException

from assay.service.domain.errors import (
    DomainError,
    GeneratorError,
    GeneratorFailedError,
    GeneratorKeyError,
    GeneratorOverloadedError,
    GeneratorRefusedError,
    GeneratorReplyError,
    GeneratorTimeoutError,
    GeneratorUnreachableError,
    LimitReachedError,
    NoVerifierError,
    TooMuchWorkError,
)
from assay.service.domain.reward_runs import (
    RunChangedError,
    RunConflictError,
    RunUnknownError,
    TooManyRunsError,
    VersionGoneError,
)

TYPE_BY_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "overloaded_error",
    503: "unavailable_error",
    **dict.fromkeys((400, 405, 408, 415, 421, 422), "invalid_request_error"),
}

#: The status of each failure of the domain.
STATUS: dict[type[DomainError], int] = {
    NoVerifierError: 503,
    TooMuchWorkError: 429,
    LimitReachedError: 429,
    RunConflictError: 409,
    RunChangedError: 409,
    VersionGoneError: 409,
    TooManyRunsError: 429,
    RunUnknownError: 503,
    GeneratorTimeoutError: 504,
    GeneratorUnreachableError: 502,
    GeneratorReplyError: 502,
    GeneratorKeyError: 502,
    GeneratorFailedError: 502,
    GeneratorOverloadedError: 503,
    GeneratorRefusedError: 400,
}
#: Those for which the client gets the server's own status.
PASSED_ON = frozenset({GeneratorOverloadedError, GeneratorRefusedError})
#: The `type` of an answer that its status does not give.
TYPE_BY_ERROR: dict[type[DomainError], str] = {LimitReachedError: "rate_limit_error"}

#: Messages in JSON's words, by pydantic's type of error; others keep pydantic's message.
PLAIN_MESSAGES = {
    "list_type": "Input should be a valid array",
    **dict.fromkeys(
        ("model_type", "dict_type", "model_attributes_type"), "Input should be an object"
    ),
}
#: Characters of a message, of a field's name, and of a value that was sent.
MOST_SAID, MOST_NAMED, MOST_VALUE_CHARACTERS = 4000, 200, 80


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(shortened(message, MOST_SAID))
        self.param = None if param is None else shortened(param, MOST_NAMED)
        self.status, self.code, self.retry_after_s = status, code, retry_after_s
        self.kind = kind or TYPE_BY_STATUS.get(status, "api_error")

    def body(self) -> bytes:
        """Return the envelope."""
        error = {
            "type": self.kind,
            "message": str(self),
            "param": self.param,
            "code": self.code,
        }
        return orjson.dumps({"error": error})

    def response(self) -> Response:
        """Return the answer."""
        headers = {"retry-after": str(self.retry_after_s)} if self.retry_after_s else None
        return Response(self.body(), self.status, headers, media_type="application/json")


def invalid(exc: ValidationError) -> ApiError:
    """Return the answer to a request that does not check: its first problem, by field and value."""
    error = _telling(exc.errors(include_url=False))
    context: dict[str, Any] = error.get("ctx") or {}
    if "param" in context:
        return _of_field(error["type"], _in_list(error["loc"], context), error["msg"])
    if error["type"] == "json_invalid":
        return ApiError(
            400,
            f"the body is not JSON: {error['msg'].removeprefix('Invalid JSON: ')}",
            code="json_invalid",
        )
    # The part of a union that was tried, and what checks it, is pydantic's business, not the
    # client's.
    param = ".".join(
        str(part)
        for part in error["loc"]
        if part not in ("str", "CandidateIn") and "[" not in str(part)
    )
    message = PLAIN_MESSAGES.get(error["type"], error["msg"])
    shown = "" if error["type"] == "missing" else f" (got {_shown(error['input'])})"
    return ApiError(
        422,
        f"{param}: {message}{shown}" if param else f"{message}{shown}",
        param=param or None,
        code=error["type"],
    )


def invalid_field(exc: PydanticCustomError) -> ApiError:
    """Return the answer to a wrong field, from an error that names it (`schemas.problem`)."""
    return _of_field(exc.type, exc.context or {}, exc.message())


def _in_list(location: Sequence[str | int], context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an error says of its field, named with its place in a list: `labels.1.at`.

    A name that begins with the list's own has its place already.
    """
    depth = max(
        (place for place, part in enumerate(location, 1) if isinstance(part, int)), default=0
    )
    param = str(context["param"])
    if not depth or param.partition(".")[0] == location[0]:
        return context
    return {**context, "param": ".".join([*map(str, location[:depth]), param])}


def _of_field(kind: str, context: Mapping[str, Any], message: str) -> ApiError:
    return ApiError(
        413 if kind == "too_large" else 422,
        f"{context['param']}: {message}",
        param=context["param"],
        code=context["code"],
    )


def _telling(errors: Sequence[Any]) -> Any:
    """Return the problem to show: usually the first.

    If an object was also tried as a string, it is the problem of the object.
    """
    first = errors[0]
    if first["type"] == "string_type" and isinstance(first["input"], dict):
        return next(
            (
                error
                for error in errors
                if error["loc"][:2] == first["loc"][:2] and "CandidateIn" in error["loc"]
            ),
            first,
        )
    return first


def answer_to(exc: DomainError) -> ApiError:
    """Return the answer to a failure of the domain."""
    kind = type(exc)
    upstream = exc.upstream_status if isinstance(exc, GeneratorError) else None
    return ApiError(
        upstream if upstream is not None and kind in PASSED_ON else STATUS[kind],
        str(exc),
        param=exc.param,
        code=exc.code,
        retry_after_s=exc.retry_after_s,
        kind=TYPE_BY_ERROR.get(kind),
    )


@contextmanager
def answering() -> Iterator[None]:
    """Turn a failure of the domain into its answer, an `ApiError`."""
    try:
        yield
    except DomainError as exc:
        raise answer_to(exc) from None


def install_error_handlers(app: FastAPI) -> None:
    """Answer every failure with the envelope."""

    async def api_error(_: Request, exc: Exception) -> Response:
        assert isinstance(exc, ApiError)  # noqa: S101 - registered for it
        return exc.response()

    async def http_error(_: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)  # noqa: S101 - registered for it
        response = ApiError(exc.status_code, str(exc.detail), code="http_error").response()
        response.headers.update(exc.headers or {})
        return response

    async def parameter_error(_: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for it
        error = exc.errors()[0]
        context: dict[str, Any] = error.get("ctx") or {}
        if "param" in context:
            return _of_field(error["type"], context, error["msg"]).response()
        param = ".".join(str(part) for part in error["loc"][1:])
        return ApiError(
            422,
            f"{param}: {error['msg']} (got {_shown(error['input'])})",
            param=param,
            code=error["type"],
        ).response()

    async def bug(_: Request, __: Exception) -> Response:
        return ApiError(
            500, "an error of the service; its log says which", code="internal"
        ).response()

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, parameter_error)
    app.add_exception_handler(Exception, bug)


def shortened(text: str, most: int) -> str:
    """Return a text cut to a bounded length: a client's value may be as long as its body."""
    return text if len(text) <= most else text[:most] + "…"


class _Repr(reprlib.Repr):
    """Shows a value without looking at all of it."""

    maxlist = maxdict = maxtuple = 4
    maxstring = maxother = maxlong = MOST_VALUE_CHARACTERS

    def repr_str(self, value: str, level: int) -> str:
        """Show the beginning of a text."""
        return repr(shortened(value, MOST_VALUE_CHARACTERS))

    def repr_int(self, value: int, level: int) -> str:
        """Show a number, or how long it is: its digits take time with their square."""
        return (
            repr(value) if value.bit_length() < 1000 else f"a number of {value.bit_length()} bits"
        )


def _shown(value: Any) -> str:
    return shortened(_Repr().repr(value), MOST_VALUE_CHARACTERS)
