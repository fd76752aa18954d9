"""Failures and their answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from assay.service.api.errors import (
    MOST_NAMED,
    MOST_SAID,
    STATUS,
    ApiError,
    answer_to,
    answering,
    install_error_handlers,
    invalid,
    shortened,
)
from assay.service.api.requests import RankRequest
from assay.service.domain.errors import (
    DomainError,
    GeneratorError,
    GeneratorFailedError,
    GeneratorRefusedError,
    LimitReachedError,
    NoVerifierError,
)


def refusal(model: type[BaseModel], body: bytes) -> ApiError:
    """Return how a body is refused."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(body)
    return invalid(caught.value)


def kinds(base: type[DomainError]) -> list[type[DomainError]]:
    """Return the failures of a kind that have no further kinds."""
    below = base.__subclasses__()
    return [leaf for kind in below for leaf in kinds(kind)] if below else [base]


def test_an_error_is_an_envelope_with_a_type_by_its_status() -> None:
    """And says when to try again, where that helps."""
    error = ApiError(429, "full", param="body", code="queue_full", retry_after_s=2)
    response = error.response()

    assert orjson.loads(response.body)["error"] == {
        "type": "overloaded_error",
        "message": "full",
        "param": "body",
        "code": "queue_full",
    }
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert "retry-after" not in ApiError(404, "none").response().headers
    assert ApiError(502, "broken").kind == "api_error"


def test_a_clients_own_words_come_back_cut() -> None:
    """They may be as long as its body."""
    error = ApiError(422, "m" * 10_000, param="p" * 10_000)

    assert len(str(error)) == MOST_SAID + 1
    assert error.param == "p" * MOST_NAMED + "…"
    assert shortened("short", 5) == "short"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"query": "q"}', 422, "candidates: Field required"),
        (b'{"query": "q", "candidates": 5}', 422, "candidates: Input should be a valid array (got 5)"),
        (b"[]", 422, "Input should be an object (got [])"),
        (b'{"query"', 400, "the body is not JSON: EOF"),
        (b'{"query": "q", "candidates": [{"id": "a"}]}', 422, "candidates.0.text: Field required"),
        (b'{"query": "q", "candidates": [7]}', 422, "candidates.0: Input should be a valid string (got 7)"),
    ],
)  # fmt: skip
def test_a_problem_is_told_by_field_and_value(body: bytes, status: int, message: str) -> None:
    """In JSON's words, without those of the library that checks."""
    error = refusal(RankRequest, body)

    assert error.status == status
    assert str(error).startswith(message)


def test_a_value_is_shown_without_looking_at_all_of_it() -> None:
    """A number of thousands of digits takes time with their square."""
    error = refusal(RankRequest, b'{"query": "q", "candidates": ["a"], "task": %b}' % (b"9" * 4000))

    assert "a number of" in str(error)


@pytest.mark.parametrize("kind", kinds(DomainError), ids=lambda kind: str(kind.__name__))
def test_every_failure_of_the_domain_has_a_status(kind: type[DomainError]) -> None:
    """A new one without a status would be a bug of the service."""
    assert 400 <= STATUS[kind] < 600


@pytest.mark.parametrize(
    ("exc", "status", "kind", "code"),
    [
        (NoVerifierError({"v": "timeout"}), 503, "unavailable_error", "no_verifier"),
        (LimitReachedError("5", "cost", 9), 429, "rate_limit_error", "cost_limit_reached"),
        (GeneratorRefusedError("no", upstream_status=404), 404, "not_found_error", None),
        (GeneratorFailedError("no", upstream_status=500), 502, "api_error", None),
    ],
)
def test_a_failure_of_the_domain_keeps_its_words(
    exc: DomainError, status: int, kind: str, code: str | None
) -> None:
    """A server's own status goes on only where it is about the client's request."""
    error = answer_to(exc)

    assert (error.status, error.kind, str(error)) == (status, kind, str(exc))
    assert isinstance(exc, GeneratorError) or error.code == code


def test_other_failures_are_not_answered_as_the_domains() -> None:
    """A bug stays a bug."""
    with pytest.raises(ApiError), answering():
        raise NoVerifierError({})
    with pytest.raises(KeyError), answering():
        raise KeyError("oops")


async def test_the_framework_answers_in_the_same_form() -> None:
    """An unknown path or method, and a failure of ours, without its text."""
    app = FastAPI()
    install_error_handlers(app)
    handlers: Any = app.exception_handlers

    missing = await handlers[HTTPException](None, HTTPException(405, headers={"allow": "GET"}))
    bug = await handlers[Exception](None, KeyError("a secret"))

    assert (missing.status_code, missing.headers["allow"]) == (405, "GET")
    assert orjson.loads(missing.body)["error"]["message"] == "Method Not Allowed"
    assert bug.status_code == 500
    assert b"secret" not in bug.body
