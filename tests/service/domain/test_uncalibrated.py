"""The switch for scores that are no probabilities."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from assay.service.api.requests import RankRequest
from assay.service.config.model import Config, TaskSettings
from assay.service.config.settings import ServiceSettings

RANK = {"query": "q", "candidates": ["a"]}
VERIFIERS = [{"name": "length", "kind": "length"}]


@pytest.mark.parametrize("form", [ServiceSettings, TaskSettings])
def test_a_written_null_is_a_choice_and_silence_is_none(
    form: type[ServiceSettings] | type[TaskSettings],
) -> None:
    """YAML and JSON read `null` as nothing, which somebody wrote."""
    assert form.model_validate({}).uncalibrated is None
    assert form.model_validate({"uncalibrated": None}).uncalibrated == "null"
    assert form.model_validate({"uncalibrated": "number"}).uncalibrated == "number"
    with pytest.raises(ValidationError):
        form.model_validate({"uncalibrated": "maybe"})


def test_a_request_chooses_the_same_way() -> None:
    """Its null wins over a configuration that wants numbers."""
    assert RankRequest.model_validate(RANK).uncalibrated is None
    assert RankRequest.model_validate({**RANK, "uncalibrated": None}).uncalibrated == "null"
    with pytest.raises(ValidationError, match="uncalibrated"):
        RankRequest.model_validate({**RANK, "uncalibrated": 1})


def test_a_task_wins_over_the_service() -> None:
    """And one that states nothing has the service's choice."""
    config = Config.model_validate(
        {
            "service": {"uncalibrated": "number"},
            "verifiers": VERIFIERS,
            "tasks": {"own": {"uncalibrated": None}, "plain": {}},
        }
    )

    assert config.uncalibrated_of("own") == "null"
    assert config.uncalibrated_of("plain") == "number"
    bare = Config.model_validate({"verifiers": VERIFIERS})
    assert bare.uncalibrated_of("default") is None
