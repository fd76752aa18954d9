"""vLLM's `/score`: the pairs of two sides."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.service.api.compat.score import SIDES, ScoreRequest
from assay.service.api.errors import ApiError, invalid


def refusal(**sides: Any) -> ApiError:
    """Return how a request is refused."""
    with pytest.raises(ValidationError) as caught:
        ScoreRequest(**sides)
    return invalid(caught.value)


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_the_sides_have_had_several_names(first: str, second: str) -> None:
    """All of them are read."""
    [pair] = ScoreRequest.model_validate({first: "q", second: ["a"]}).pairs()

    assert (pair.query.text, pair.candidate) == ("q", "a")


@pytest.mark.parametrize("queries", ["q", ["q"], ["q", "q"]])
def test_one_query_goes_with_every_document(queries: Any) -> None:
    """Or each has its own."""
    pairs = ScoreRequest(queries=queries, documents=["a", "b"]).pairs()

    assert [(pair.query.text, pair.candidate) for pair in pairs] == [("q", "a"), ("q", "b")]


@pytest.mark.parametrize(
    ("sides", "param", "code"),
    [
        ({"queries": ["a", "b"], "documents": ["x"] * 3}, "documents", "lengths_differ"),
        ({"queries": ["a", "b"], "documents": "x"}, "documents", "lengths_differ"),
        ({"text_1": "q", "text_2": []}, "text_2", "lengths_differ"),
        ({"queries": "q"}, "queries", "missing"),
        ({"text_1": "q", "documents": ["a"]}, "queries", "missing"),
        ({"queries": "q", "documents": ["a"], "text_2": ["b"]}, "text_2", "one_of"),
    ],
)
def test_sides_that_do_not_go_together_are_refused(
    sides: dict[str, Any], param: str, code: str
) -> None:
    """A third one beside two is not left out silently."""
    error = refusal(**sides)

    assert (error.status, error.param, error.code) == (422, param, code)
