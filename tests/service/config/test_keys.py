"""The keys that clients may send, as a configuration states them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from assay.service.config.keys import KeySettings
from tests.support.servers.secured import key


def test_a_key_may_rank_all_tasks_unless_it_says_otherwise() -> None:
    """Without a limit."""
    settings = KeySettings.model_validate(key("a"))

    assert (settings.scopes, settings.tasks) == (("rank",), None)
    assert (settings.requests, settings.cost, settings.priority) == (None, None, "interactive")
    assert settings.learn


@pytest.mark.parametrize("limit", ["600/minute", "20 per 10 seconds", "1000/day"])
def test_a_limit_is_a_number_of_a_time(limit: str) -> None:
    """Kept as it was written."""
    settings = KeySettings.model_validate(key("a", requests=limit, cost=limit))

    assert settings.requests == settings.cost == limit


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests": "often"},
        {"cost": "-1/day"},
        {"requests": "3"},
        {"priority": "high"},
        {"learn": "sometimes"},
        {"scopes": []},
        {"scopes": ["root"]},
        {"tasks": ["a b"]},
        {"sha256": "A" * 64},
        {"sha256": "0" * 63},
        {"key": "plain"},
    ],
)
def test_what_is_no_key_is_refused_by_its_field(wrong: dict[str, str]) -> None:
    """A plain key has no field to stand in."""
    with pytest.raises(ValidationError) as refused:
        KeySettings.model_validate({**key("a"), **wrong})

    assert {problem["loc"][0] for problem in refused.value.errors()} == set(wrong)
