"""What a configuration says that determines results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.batch.scoring_settings import settings_by_place
from assay.service.config.model import Config

BASE: dict[str, Any] = {
    "verifiers": [{"name": "length", "kind": "length"}],
    "tasks": {"t": {}},
}


def places(**changes: Any) -> dict[str, str]:
    """Return the hashes of a configuration."""
    return settings_by_place(Config.model_validate({**BASE, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"verifiers": [{"name": "length", "kind": "length", "timeout_s": 3, "concurrency": 2}]},
        {"tasks": {"t": {"keep": 10, "sample": 0.5, "store_text": True}}},
        {"service": {"port": 1, "cache_max_mb": 64}},
    ],
)
def test_what_determines_no_result_does_not_count(changes: dict[str, Any]) -> None:
    """Limits, places, what is kept to learn from."""
    assert places(**changes) == places()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"verifiers": [{"name": "length", "kind": "length", "cost": 3}]}, "verifiers.length"),
        ({"tasks": {"t": {"families": "given"}}}, "tasks.t"),
        ({"service": {"uncalibrated": "number"}}, "uncalibrated"),
    ],
)
def test_what_determines_results_changes_its_place_alone(
    changes: dict[str, Any], place: str
) -> None:
    """So that a message can name it."""
    after = places(**changes)

    assert {name for name in after if after[name] != places()[name]} == {place}


def test_a_models_content_counts(tmp_path: Path) -> None:
    """Not its name alone."""
    model = tmp_path / "m.json"
    model.write_text("{}")
    before = places(tasks={"t": {"model": model}})
    model.write_text("{ }")

    assert places(tasks={"t": {"model": model}})["tasks.t"] != before["tasks.t"]
