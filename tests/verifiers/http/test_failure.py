"""What a reply other than 200 means."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from assay.verifiers import (
    OverloadedError,
    RefusedError,
    TooLongError,
    UpstreamFailedError,
    VerifierError,
)
from assay.verifiers.http.failure import MAX_INFO_BYTES, error_body, failure, without_key
from tests.support.http.reply_floods import FLOODS

LONG_PROMPT = {"error": {"message": "This model's maximum context length is 9 tokens"}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {}, UpstreamFailedError),
        (503, {}, UpstreamFailedError),
        (429, {}, OverloadedError),
        (400, LONG_PROMPT, TooLongError),
        (400, {"error": {"message": "no", "param": "max_tokens"}}, TooLongError),
        (400, {"error": {"message": "no", "param": "temperature"}}, RefusedError),
        (422, LONG_PROMPT, RefusedError),
        (404, {}, RefusedError),
    ],
)
def test_a_status_and_a_body_have_one_meaning(
    status: int, body: dict[str, Any], kind: type[VerifierError]
) -> None:
    """Only a status of 400 says that a prompt is too long."""
    assert type(failure("http://x/v", status, orjson.dumps(body))) is kind


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"error": {"message": "no such model"}}', "no such model"),
        (b'{"error": "no such model"}', "no such model"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>", "'<html>'"),
        (b"[1]", "'[1]'"),
        (b"", "an empty body"),
    ],
)
def test_the_message_is_found_in_each_shape_of_an_error(raw: bytes, message: str) -> None:
    """vLLM has three, and a proxy sends a page."""
    assert str(failure("http://x/v", 404, raw)) == f"http://x/v answered 404: {message}"


def test_a_parameter_that_is_no_text_is_none() -> None:
    """Any JSON may stand there."""
    error = failure("http://x/v", 404, b'{"error": {"message": "no", "param": [1]}}')

    assert isinstance(error, RefusedError)
    assert error.param is None


@pytest.mark.parametrize("flood", FLOODS)
def test_an_error_of_very_many_values_is_shown_and_not_read(flood: str) -> None:
    """Its status says enough."""
    said = str(failure("http://x/v", 400, FLOODS[flood]))

    assert said.startswith("http://x/v answered 400: '{")
    assert len(said) < 400


def test_an_error_longer_than_any_is_not_parsed() -> None:
    """Nor one that is no JSON."""
    long = b'{"error": "' + b"a" * MAX_INFO_BYTES + b'"}'

    assert (error_body(long), error_body(b"<html>")) == (None, None)
    assert error_body(b'{"error": "no"}') == {"error": "no"}


def test_our_key_is_taken_out_of_a_reply_and_no_key_changes_nothing() -> None:
    """A key from a file often ends with a line feed."""
    assert without_key(b"bad key sk-1", "sk-1\n") == b"bad key (our key)"
    assert (
        without_key(b"bad key sk-1", None) == without_key(b"bad key sk-1", " ") == b"bad key sk-1"
    )
