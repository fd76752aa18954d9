"""The parts of a service, built and connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.config.model import Config
from assay.service.runtime.background import Background
from assay.service.runtime.engine import Engine
from assay.service.runtime.parts import Resources
from assay.service.runtime.wiring import wire
from assay.service.store.client import Store
from assay.service.telemetry.metrics import Metrics
from tests.support.verifiers.fakes import FakeTransport


def wired(folder: Path, serving: bool = True, **changes: Any) -> Engine:
    """Return the parts on a store that nobody has opened, with a check in two ensembles."""
    metrics = Metrics()
    resources = Resources(
        store=Store("redis://127.0.0.1:9"),
        transport=FakeTransport({}),
        metrics=metrics,
        background=Background(metrics),
    )
    content = {
        "verifiers": [{"name": name, "kind": "length"} for name in ("short", "shorter")],
        "ensembles": {"both": ["short", "shorter"], "one": ["shorter"]},
        "tasks": {"default": {"ensemble": "both"}},
        **changes,
    }
    service = {"data_dir": str(folder), "doctor": "off", **content.pop("service", {})}
    return wire(Config.model_validate({**content, "service": service}), resources, serving, "start")


def test_ensembles_share_their_verifiers(tmp_path: Path) -> None:
    """One guard a verifier: its breaker and its places count for all of them."""
    ensembles = wired(tmp_path).scoring.scorer.ensembles

    assert [member.name for member in ensembles["both"]] == ["short", "shorter"]
    assert ensembles["one"] == [ensembles["both"][1]]
    assert ensembles["one"][0].guarded is ensembles["both"][1].guarded


@pytest.mark.parametrize("serving", [True, False])
def test_only_a_server_refuses_work_and_asks_in_tiers(tmp_path: Path, serving: bool) -> None:
    """A bulk job has its own bounds, and its scores must not depend on other rows'."""
    scorer = wired(tmp_path, serving, service={"max_active_tokens": 1000}).scoring.scorer

    assert scorer._workload.most == (1000 if serving else None)
    assert scorer._cascades is serving


@pytest.mark.parametrize("tasks", [["default"], None])
def test_owners_of_tasks_learn_nothing_of_each_other(
    tmp_path: Path, tasks: list[str] | None
) -> None:
    """Where a key is for some tasks only, each task has scores of its own."""
    key = {"name": "a", "sha256": "0" * 64, "scopes": ["rank"], "tasks": tasks}

    assert wired(tmp_path, service={"keys": [key]}).scoring.scorer._per_task_cache is (
        tasks is not None
    )


def test_upstreams_are_drawn_from_by_name(tmp_path: Path) -> None:
    """As a request names them."""
    upstream = {"name": "llm", "endpoint": "http://127.0.0.1:9", "model": "m"}

    generators = wired(tmp_path, upstreams=[upstream]).scoring.generators

    assert [(name, each.settings.model) for name, each in generators.items()] == [("llm", "m")]


def test_scoring_hands_its_rows_to_the_tasks_that_learn(tmp_path: Path) -> None:
    """The recorder packs with the same tasks that the fitter reads."""
    engine = wired(tmp_path)

    assert engine.scoring.scorer._recorder._tasks is engine.learning.tasks
    assert engine.scoring.scorer._recorder._writer is engine.learning.writer
