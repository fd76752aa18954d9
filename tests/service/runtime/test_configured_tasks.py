"""The tasks of a configuration: what each takes from its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import save
from assay.service.config.model import Config
from assay.service.learning.tasks.task import Task
from assay.service.runtime.configured_tasks import build_tasks
from assay.service.runtime.ensembles import build_members
from assay.service.scoring.cost_meter import LEAST_CANDIDATES
from assay.service.scoring.request import EnsembleMember
from assay.service.store.client import Store
from tests.support.verifiers.fakes import FakeTransport

MEMORY_MB = 64
HALF_BYTES = (MEMORY_MB << 20) // 2

Ensembles = dict[str, list[EnsembleMember]]


def built(folder: Path, tasks: dict[str, Any], **service: Any) -> tuple[dict[str, Task], Ensembles]:
    """Return the tasks of a configuration of three checks, by name, and their ensembles."""
    config = Config.model_validate(
        {
            "verifiers": [
                {"name": "short", "kind": "length", "cost": 2.0, "quality": 0.8},
                {"name": "refuses", "kind": "refusal", "cost": 3.0},
                {"name": "repeats", "kind": "repetition"},
            ],
            "ensembles": {"all": ["short", "refuses", "repeats"], "two": ["refuses", "short"]},
            "tasks": tasks,
            "service": {"data_dir": str(folder), "cache_max_mb": MEMORY_MB, **service},
        }
    )
    members = build_members(config, FakeTransport({}), None)
    ensembles = {
        name: [members[member] for member in listed] for name, listed in config.ensembles.items()
    }
    listed_tasks = build_tasks(config, ensembles, Store("redis://127.0.0.1:9"))
    return {task.name: task for task in listed_tasks}, ensembles


def test_a_task_has_its_settings(tmp_path: Path) -> None:
    """In the order of its ensemble's verifiers; a quality only where it is stated."""
    settings = {"ensemble": "two", "base_rate": 0.3, "keep": 7, "versions": 5, "sample": 0.5}

    tasks, _ = built(tmp_path, {"math": {**settings, "store_text": True}})
    spec = tasks["math"].spec

    assert [column.name for column in spec.columns] == ["refuses", "short"]
    assert (spec.ensemble, spec.base_rate, spec.keep) == ("two", 0.3, 7)
    assert (spec.versions, spec.sample, spec.store_text) == (5, 0.5, True)
    assert (spec.costs, spec.quality) == ((3.0, 2.0), {"short": 0.8})


def test_the_default_task_is_there_and_has_the_first_ensemble(tmp_path: Path) -> None:
    """Beside those that the configuration names."""
    tasks, _ = built(tmp_path, {"math": {"ensemble": "two"}})

    assert sorted(tasks) == ["default", "math"]
    assert tasks["default"].spec.ensemble == "all"


def test_a_task_that_does_not_learn_has_no_place_in_the_store(tmp_path: Path) -> None:
    """It only ranks; the others learn without being asked to."""
    tasks, _ = built(tmp_path, {"fixed": {"learn": False}})

    assert {name: task.learns for name, task in tasks.items()} == {"default": True, "fixed": False}


@pytest.mark.parametrize(
    ("own_store", "keep_mb", "expected"),
    [
        (True, 1000, HALF_BYTES // 2),
        (True, 3, 3 << 20),
        (False, 1000, 1000 << 20),
    ],
)
def test_the_tasks_of_an_embedded_store_share_half_of_its_memory(
    tmp_path: Path, own_store: bool, keep_mb: int, expected: int
) -> None:
    """An operator's own store is as large as the operator made it."""
    service = {} if own_store else {"redis_url": "redis://store.example:6379"}

    tasks, _ = built(tmp_path, {"default": {"keep_mb": keep_mb}, "other": {}}, **service)

    assert tasks["default"].spec.keep_bytes == expected


def test_an_embedded_store_that_is_named_by_its_url_is_still_embedded(tmp_path: Path) -> None:
    """As a worker of several sees it: the first has started it for all."""
    url = f"unix://{tmp_path / 'store' / 'valkey.sock'}"

    tasks, _ = built(tmp_path, {"default": {"keep_mb": 1000}}, redis_url=url)

    assert tasks["default"].spec.keep_bytes == HALF_BYTES


def test_a_cascade_has_its_settings_and_the_stated_costs(tmp_path: Path) -> None:
    """The operator's tiers are columns of the ensemble."""
    tiers = [["short"], ["refuses", "repeats"]]
    settings = {"policy": "auto", "price": 0.1, "loss": 0.05, "early": 2.0, "tiers": tiers}

    tasks, _ = built(tmp_path, {"math": settings})
    policy = tasks["math"].cascade_policy

    assert (policy.policy, policy.price, policy.wanted_loss, policy.early) == ("auto", 0.1, 0.05, 2)
    assert [list(tier) for tier in policy.groups or ()] == [[0], [1, 2]]
    assert list(policy.costs) == [2.0, 3.0, 1.0]
    assert policy.measured() is None


def test_measured_costs_come_from_the_verifiers_of_the_ensemble(tmp_path: Path) -> None:
    """Only where the settings ask for them, and once all of the ensemble's are measured."""
    tasks, ensembles = built(
        tmp_path, {"math": {"ensemble": "two", "costs": "measured"}, "other": {"ensemble": "two"}}
    )
    measured = tasks["math"].cascade_policy.measured
    before = measured()
    for member in ensembles["two"]:
        member.guarded.meter.begin()
        member.guarded.meter.end(LEAST_CANDIDATES)

    assert before is None
    assert len(measured() or ()) == 2
    assert tasks["other"].cascade_policy.measured() is None


def test_a_task_serves_the_model_that_the_configuration_names(tmp_path: Path) -> None:
    """The others begin without one."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    scores = np.clip(truth[:, None] * 0.3 + 0.5 * random.random((400, 2)), 0, 1)
    queries = np.repeat(np.arange(100), 4)
    model = LabelModel().fit(scores, queries, verifier_names=("refuses", "short"))
    save(model, tmp_path / "m.model")

    tasks, _ = built(tmp_path, {"math": {"ensemble": "two", "model": str(tmp_path / "m.model")}})

    assert (tasks["math"].served.cold, tasks["default"].served.cold) == (False, True)
