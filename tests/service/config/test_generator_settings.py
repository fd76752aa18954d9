"""How a gateway's upstream is named and asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.service.config.generator_settings import UpstreamSettings

WHOLE = {"name": "drawn", "endpoint": "http://h:8000", "model": "m"}


def test_an_upstream_needs_a_name_a_server_and_a_model() -> None:
    """All else has a default: eight answers, drawn together, ranked by the first task."""
    upstream = UpstreamSettings.model_validate(WHOLE)

    assert (upstream.task, upstream.candidates, upstream.max_candidates) == ("default", 8, 64)
    assert (upstream.draws, upstream.timeout_s, upstream.api_key_env) == ("together", 300.0, None)
    for name in WHOLE:
        with pytest.raises(ValidationError, match=name):
            UpstreamSettings.model_validate({**WHOLE, name: ""})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"endpoint": "h:8000"},
        {"candidates": 0},
        {"candidates": 257},
        {"max_candidates": 1025},
        {"draws": "slowly"},
        {"timeout_s": 0},
        {"timeout_s": 3601},
        {"api_key": "plain"},
    ],
)
def test_a_wrong_value_is_refused_by_its_field(wrong: dict[str, Any]) -> None:
    """A key itself has no field to stand in: a variable holds it."""
    with pytest.raises(ValidationError) as refused:
        UpstreamSettings.model_validate({**WHOLE, **wrong})

    [problem] = refused.value.errors()
    assert problem["loc"] == tuple(wrong)
