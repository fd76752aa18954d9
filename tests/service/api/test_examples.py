"""The service takes the examples in its documents."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from assay.service.api.examples import (
    EVENTS,
    LABELS_EXAMPLE,
    RANK_EXAMPLE,
    RANK_RESPONSES,
    SCORE_PAIRS_EXAMPLE,
    SCORE_PAIRS_RESPONSES,
    STREAMED_EVENT,
    TASK_RESPONSES,
    body_of,
)
from assay.service.api.label_requests import LabelsIn
from assay.service.api.requests import RankRequest, ScorePairsRequest


@pytest.mark.parametrize(
    ("form", "example"),
    [
        (RankRequest, RANK_EXAMPLE),
        (ScorePairsRequest, SCORE_PAIRS_EXAMPLE),
        (LabelsIn, LABELS_EXAMPLE),
    ],
)
def test_an_example_is_a_request(form: type[BaseModel], example: dict[str, Any]) -> None:
    """Its part of the document leaves definitions to the document's components."""
    form.model_validate(example)
    content = body_of(form, example)["requestBody"]["content"]["application/json"]

    assert content["example"] == example
    assert "$defs" not in content["schema"]


@pytest.mark.parametrize("responses", [RANK_RESPONSES, SCORE_PAIRS_RESPONSES, TASK_RESPONSES])
def test_every_refusal_is_shown_in_the_envelope(responses: dict[int, Any]) -> None:
    """With the reason for its status."""
    refusals = {status: shown for status, shown in responses.items() if status != 200}

    assert {401, 403, 404, 422, 429, 503} <= refusals.keys()
    for shown in refusals.values():
        assert shown["description"].endswith(".")
        assert "error" in shown["content"]["application/json"]["example"]


def test_the_stream_that_is_shown_is_one_of_its_events() -> None:
    """Each with JSON for its data."""
    events = [event.split("\n") for event in EVENTS.strip().split("\n\n")]

    for name, data in events:
        assert name.removeprefix("event: ") in STREAMED_EVENT["properties"]["event"]["enum"]
        assert orjson.loads(data.removeprefix("data: "))
