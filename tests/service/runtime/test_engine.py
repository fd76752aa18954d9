"""A running service: its tasks through their ensembles, and its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.config.model import Config
from assay.service.runtime.lifespan import open_engine
from assay.service.scoring.cost_meter import LEAST_CANDIDATES
from assay.service.telemetry.metrics import Metrics


def config_in(folder: Path, **changes: Any) -> Config:
    """Return a configuration of two checks in two ensembles, its data in a folder."""
    names = ("short", "shorter")
    content = {
        "verifiers": [{"name": name, "kind": "length"} for name in names],
        "ensembles": {"both": list(names), "one": ["shorter"]},
        "tasks": {"default": {"ensemble": "both"}, "given": {"learn": False}},
        **changes,
    }
    service = {"data_dir": str(folder / "data"), "doctor": "off", **content.pop("service", {})}
    return Config.model_validate({**content, "service": service})


async def test_a_task_is_seen_through_its_ensemble_or_another(tmp_path: Path) -> None:
    """Its own is the task itself; another is a view that learns nothing."""
    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        task, view = engine.task("default", None), engine.task("default", "one")
        own = engine.task("default", "both")
        with pytest.raises(KeyError):
            engine.task("nosuch", None)

    assert own is task
    assert [column.name for column in task.spec.columns] == ["short", "shorter"]
    assert [column.name for column in view.spec.columns] == ["shorter"]
    assert (task.learns, view.learns) == (True, False)


async def test_the_metrics_have_what_is_measured_on_request(tmp_path: Path) -> None:
    """Whether the store answers, and what a candidate costs a verifier that has been called."""
    async with open_engine(config_in(tmp_path), Metrics()) as engine:
        unmeasured = engine.metrics_text().decode()
        meter = engine.scoring.scorer.members()["short"].guarded.meter
        meter.begin()
        meter.end(LEAST_CANDIDATES)
        measured = engine.metrics_text().decode()

    assert "assay_store_up 1.0" in unmeasured.splitlines()
    name = 'assay_candidate_seconds{verifier="short"}'
    assert (name in unmeasured, name in measured) == (False, True)
