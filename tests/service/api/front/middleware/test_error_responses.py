"""Failures become answers, each in the form of its path's clients."""

from __future__ import annotations

import orjson
import pytest
import structlog

from assay.service.api.compat.common import rerank_shape
from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.error_responses import ErrorResponses
from assay.service.api.front.middleware.response_headers import ResponseHeaders
from tests.support.http.middlewares import Behind, exchange, passed

FULL = ApiError(429, "the queue is full", code="queue_full", retry_after_s=1)


async def test_a_refusal_is_answered_in_our_envelope() -> None:
    """With its status and the time to wait."""
    start, body = await passed(ErrorResponses(Behind(FULL, begins=False), {}), exchange())

    assert start["status"] == 429
    assert (b"retry-after", b"1") in start["headers"]
    assert orjson.loads(body["body"])["error"]["code"] == "queue_full"


async def test_a_path_with_a_form_of_its_own_is_answered_in_it() -> None:
    """Other paths are not."""
    layer = ErrorResponses(Behind(FULL, begins=False), {"/rerank": rerank_shape})

    _, theirs = await passed(layer, exchange(path="/rerank"))
    _, ours = await passed(layer, exchange(path="/v1/tasks"))

    assert orjson.loads(theirs["body"])["message"] == "the queue is full"
    assert "message" not in orjson.loads(ours["body"])


async def test_a_bug_is_a_500_without_its_text_and_is_logged() -> None:
    """The log has the request's id to look it up by."""
    layer = ErrorResponses(Behind(KeyError("a secret"), begins=False), {})
    with structlog.testing.capture_logs() as logged:
        start, body = await passed(layer, exchange(request_id=b"a-1"))

    assert start["status"] == 500
    assert b"secret" not in body["body"]
    assert [(entry["event"], entry["request_id"]) for entry in logged] == [
        ("request_failed", "a-1")
    ]


async def test_a_bug_in_an_answer_that_has_begun_ends_the_connection() -> None:
    """A second answer cannot be sent, so the server sees the error."""
    layer = ResponseHeaders(ErrorResponses(Behind(KeyError("oops")), {}))

    with structlog.testing.capture_logs(), pytest.raises(KeyError, match="oops"):
        await passed(layer, exchange())
