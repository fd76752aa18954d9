"""A task as this process knows it."""

from __future__ import annotations

from typing import Any

import pytest

from assay.aggregation import Column, RobustAverage, ServedModel
from assay.aggregation.drift import Drift
from assay.service.learning.tasks.task import Task
from tests.support.samples.replicas import COLUMNS, bare_task
from tests.support.samples.saved_versions import MemoryTaskStore, saved_version


def learning() -> Task:
    """Return a task that learns."""
    store: Any = MemoryTaskStore()
    return bare_task(task_store=store)


def test_a_task_learns_while_it_has_a_part_of_the_store() -> None:
    """Bulk jobs take it away."""
    task = learning()
    assert task.learns

    task.stop_learning()

    assert not task.learns
    assert not bare_task().learns


def test_a_served_version_begins_its_drift_anew() -> None:
    """Earlier measures belong to the version before."""
    task = learning()
    task.statistics.drift = [Drift(0.5, None, 300)]

    task.serve(saved_version(2))

    assert task.served.model_version == "t@2"
    assert task.statistics.drift == []
    assert task.cascade_policy.estimate.version == 2


def test_a_damaged_version_leaves_the_one_before() -> None:
    """With all that was known of it."""
    task = learning()
    task.serve(saved_version(1))
    before, drift = task.served, task.statistics.drift

    with pytest.raises(KeyError):
        task.serve(saved_version(2, reference=[{}]))

    assert task.served is before
    assert task.statistics.drift is drift


def test_a_model_from_elsewhere_is_served_unchanged() -> None:
    """The task learns nothing beside it."""
    task = learning()
    other = bare_task()
    other.serve(saved_version())
    model = other.served.model
    assert isinstance(model, ServedModel)

    task.serve_model(model)

    assert task.served.model is model
    assert not task.learns


def test_a_view_through_another_ensemble_keeps_nothing() -> None:
    """It serves the same version of the verifiers that the model knows."""
    task = learning()
    task.serve(saved_version(4))

    view = task.with_ensemble("other", COLUMNS[:3])

    assert (view.name, view.spec.ensemble) == ("t", "other")
    assert view.served.model_version == "t@4"
    assert not view.learns
    assert task.learns


def test_a_view_of_unknown_verifiers_is_cold() -> None:
    """An average answers there, as before anything was learned."""
    task = learning()
    task.serve(saved_version(4))

    view = task.with_ensemble("strange", [Column("a" * 16, "x", None, 1.0, "unknown")])

    assert isinstance(view.served.model, RobustAverage)
    assert view.served.cold
