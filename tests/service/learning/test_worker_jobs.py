"""Work on kept requests, in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from assay.aggregation import Column
from assay.service.domain.labels import Label
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import COLUMNS, give_labels, replica, sample, traffic


async def test_the_event_loop_reads_nothing_of_what_is_fitted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that fits, measures or draws reads the store; here the loop may not."""
    tasks, task = replica(store, store_text=True, costs=(1.0,) * 6)
    truth = await traffic(tasks, task, sample())
    await give_labels(
        TaskStore(store, "t"), {each: Label(truth[each], True) for each in list(truth)[:200:5]}
    )

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("read in the service's own process")

    for name in ("rows", "pages", "labels", "labelled", "newest"):
        monkeypatch.setattr(TaskStore, name, forbidden)
    fitter = FitScheduler(tasks)

    version, _ = await fitter.fit(task)
    measured = await fitter.report(task)
    beside = await fitter.shadow(task, version)
    left, drawn = await fitter.draw(task, 5)

    assert version == 1
    assert (measured["model_version"], measured["labels"]["used"]) == ("t@1", 40)
    assert beside is not None
    assert (beside["serving"], beside["other"], beside["same_top"]) == (1, 1, 1.0)
    assert (left, len({each["key"] for each in drawn})) == (15, 5)
    assert all(each["query"].startswith("query") and each["random"] for each in drawn)


@pytest.mark.parametrize(
    ("columns", "signed"),
    [
        (COLUMNS, "t@1"),
        (COLUMNS[:5], None),
        ((*COLUMNS[:5], Column(f"{99:016x}", "f5", None, 1.0, "v5")), None),
        ((*COLUMNS, Column(f"{6:016x}", "f6", None, 1.0, "v6")), None),
    ],
    ids=["the same", "one fewer", "one of another configuration", "one more"],
)
async def test_a_report_is_not_signed_by_a_version_of_other_verifiers(
    store: Store, columns: Sequence[Column], signed: str | None
) -> None:
    """The served version speaks of its own verifiers; a report of others measures a fit of them."""
    tasks, task = replica(store, costs=(1.0,) * 6)
    truth = await traffic(tasks, task, sample())
    await give_labels(
        TaskStore(store, "t"), {name: Label(truth[name], True) for name in list(truth)[:200:5]}
    )
    await FitScheduler(tasks).fit(task)

    tasks, task = replica(store, columns=columns, costs=(1.0,) * len(columns))
    report = await FitScheduler(tasks).report(task)

    assert report["model_version"] == signed
    assert [row["name"] for row in report["verifiers"]] == [column.name for column in columns]
