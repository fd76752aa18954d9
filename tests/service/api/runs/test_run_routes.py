"""Runs as they are listed and ended."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.runs.run_routes import end_run, runs
from assay.service.domain.run_alarm import RunAlarm
from assay.service.learning.runs.pins import RunPins
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.http.handler_requests import asking_for, engine_of, named_task, request_to


def engine_over(store: Store) -> Any:
    """Return an engine of one task with runs."""
    task = named_task("t")
    task.run_store = TaskStore(store, "t")
    engine = engine_of(task)
    engine.learning.run_pins = RunPins(store)
    return engine


async def test_runs_are_listed_and_ended(store: Store) -> None:
    """Each with its version; one that is not there is a 404, also of another's task."""
    engine = engine_over(store)
    task = engine.learning.tasks.by_name["t"]
    await engine.learning.run_pins.enter(task, "night")
    await engine.learning.run_pins.enter(task, "~key@ab")
    request = request_to(engine)

    listed = {run["run"]: run for run in (await runs(request, "t"))["runs"]}
    ended = await end_run(request, "t", "night")
    with pytest.raises(ApiError, match="has no run 'night'") as gone:
        await end_run(request, "t", "night")
    with asking_for("other"), pytest.raises(ApiError, match="no task"):
        await runs(request, "t")

    assert listed["night"]["model_version"] == "t@0"
    assert listed["night"]["alarm"] == RunAlarm()
    assert (listed["night"]["named"], listed["~key@ab"]["named"]) == (True, False)
    assert ended == {"task": "t", "run": "night", "ended": True}
    assert gone.value.status == 404


async def test_a_key_without_administration_sees_its_own_runs(store: Store) -> None:
    """By the names that it gave them; an administrator sees and ends those of all keys."""
    engine = engine_over(store)
    task, pins = engine.learning.tasks.by_name["t"], engine.learning.run_pins
    for kept in ("night~first", "night~second", "~first@ab", "~second@ab", "old"):
        await pins.enter(task, kept)
    request = request_to(engine)

    async def names() -> set[str]:
        return {run["run"] for run in (await runs(request, "t"))["runs"]}

    with asking_for("t", name="first", scopes=["rank"]):
        first = await names()
    with asking_for("t", name="second", scopes=["rank"]):
        second = await names()
    with asking_for("t", name="owner"):
        everything = await names()
        await end_run(request, "t", "night~second")
        await end_run(request, "t", "old")
        with pytest.raises(ApiError, match="has no run 'night'"):
            await end_run(request, "t", "night")
        left = await names()
    with asking_for("t", name="first"):
        await end_run(request, "t", "night")

    assert (first, second) == ({"night", "~first@ab"}, {"night", "~second@ab"})
    assert everything == {"night~first", "night~second", "~first@ab", "~second@ab", "old"}
    assert left == {"night~first", "~first@ab", "~second@ab"}
    assert {summary.run.name for summary in await task.run_store.runs()} == {
        "~first@ab",
        "~second@ab",
    }
