"""A task's kept requests, read by the process that works on them.

None of them passes through the service's own event loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from assay.service.domain.labels import LabelRecord
from assay.service.domain.learned import Fit
from assay.service.domain.observation import Observation
from assay.service.domain.score_keys import candidate_key, query_of_key
from assay.service.learning.fit_job import FitInputs, KnownLabel, Served, refit
from assay.service.learning.report_job import ReportInputs, measure_shadow, measure_task
from assay.service.learning.taken_back import (
    TakenBack,
    learned_labels,
    taken_back,
    taken_back_since,
)
from assay.service.ports import TaskStore

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Source:
    """An opener of a task's part of the store, and the number of requests that it keeps."""

    open: Callable[[], AbstractAsyncContextManager[TaskStore]]
    keep: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All data to learn from."""

    records: list[Observation]
    labels: dict[str, KnownLabel]
    since: Mapping[int, tuple[int, int]]


def fit_kept(source: Source, inputs: FitInputs) -> Fit:
    """Return the result of `refit` on the kept requests, beside the served version.

    Raises `StoreError`.
    """

    async def work(task_store: TaskStore) -> Fit:
        training = await _read(task_store)
        serving = await _served(task_store, inputs)
        result = refit(inputs, training.records, training.labels, serving, training.since)
        await _keep_labelled(task_store, training, source.keep)
        return result

    return _at(source, work)


def report_kept(source: Source, inputs: ReportInputs) -> dict[str, Any]:
    """Return a report on the kept requests.

    Raises `NothingToReportError` or `StoreError`.
    """

    async def work(task_store: TaskStore) -> dict[str, Any]:
        training = await _read(task_store)
        serving = await _served(task_store, inputs.fit)
        return measure_task(inputs, training.records, training.labels, serving, training.since)

    return _at(source, work)


def shadow_kept(source: Source, inputs: FitInputs, version: int) -> dict[str, Any] | None:
    """Return another version's answers, and the served version; None if either is missing.

    Raises the errors of `report_kept`.
    """

    async def work(task_store: TaskStore) -> dict[str, Any] | None:
        served_version = (await task_store.state()).serving
        serving, other = await task_store.model(served_version), await task_store.model(version)
        if serving is None or other is None:
            return None
        training = await _read(task_store)
        comparison = measure_shadow(
            inputs, training.records, training.labels, serving, other, training.since
        )
        return {"serving": served_version, "other": version, **comparison}

    return _at(source, work)


def draw_kept(source: Source, count: int) -> tuple[int, list[dict[str, Any]]]:
    """Return how many requests have texts and no label, and one candidate each of so many of them,
    all drawn at random.

    Raises `StoreError`.
    """

    async def work(task_store: TaskStore) -> tuple[int, list[dict[str, Any]]]:
        labelled = {query_of_key(key) for key in await task_store.label_keys()}
        unlabelled, sample = 0, list[Observation]()
        async for page in task_store.pages(texts=True):
            for record in page:
                if record.texts is None or record.query in labelled:
                    continue
                unlabelled += 1
                place = random.randrange(unlabelled)  # noqa: S311 - a draw, no secret
                if len(sample) < count:
                    sample.append(record)
                elif place < count:  # each so far is among the drawn ones with the same chance
                    sample[place] = record
        random.shuffle(sample)
        return unlabelled, [_drawn(record) for record in sample]

    return _at(source, work)


def _drawn(record: Observation) -> dict[str, Any]:
    """Return a random candidate of a request: calibration must not see only the best ones."""
    assert record.texts is not None  # noqa: S101 - the caller has checked
    candidate = random.choice(record.candidates)  # noqa: S311 - a draw, no secret
    text = {"query": record.texts.query, "candidate": record.texts.candidates[candidate]}
    return {"key": candidate_key(record.query, candidate), **text, "random": True}


def _at(source: Source, work: Callable[[TaskStore], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with source.open() as task_store:
            return await work(task_store)

    return asyncio.run(run())


async def _read(task_store: TaskStore) -> TrainingData:
    """Return the requests of the window, and those before it that have a label."""
    records = await task_store.label_records()
    labels = {key: _known_label(record) for key, record in records.items()}
    requests = [*await task_store.labelled(), *await task_store.rows()]
    by_name = {record.name: record for record in requests}
    return TrainingData(
        sorted(by_name.values(), key=lambda record: record.at), labels, await task_store.since()
    )


def _known_label(record: LabelRecord) -> KnownLabel:
    return KnownLabel(
        record.correct, record.random is True, record.since, len(record.by), record.conflict
    )


async def _keep_labelled(task_store: TaskStore, training: TrainingData, most: int) -> None:
    """Keep the newest requests with a label, so that it counts after they leave the window."""
    queries = {query_of_key(key) for key in training.labels}
    with_label = [
        record
        for record in training.records
        if record.query in queries
        and any(
            candidate_key(record.query, candidate) in training.labels
            for candidate in record.candidates
        )
    ]
    await task_store.keep_labelled(with_label[-most:])


async def _served(task_store: TaskStore, inputs: FitInputs) -> Served | None:
    """Return the served model to compare with; None without one, or if its verifiers differ."""
    version = (await task_store.state()).serving
    artifact, report = await task_store.model(version), await task_store.report(version)
    if not artifact or not report or report.get("fingerprints") != inputs.fingerprints_by_name():
        return None
    # A model of an earlier release has the time of its fit: labels from during that fit cannot be
    # told from later ones.
    until = report.get("labels_until", report.get("at"))
    if not isinstance(until, int | float):
        return None
    return Served(
        artifact,
        until,
        calibrated=report.get("calibrated") is True,
        version=version,
        taken_back=await _taken_back(task_store, version, report),
    )


async def _taken_back(task_store: TaskStore, version: int, report: Mapping[str, Any]) -> TakenBack:
    """Return what people took back of a version's labels; by times, for one that kept none."""
    value = await task_store.learned(version)
    learned = None if value is None else learned_labels(value)
    records, past = await task_store.label_records(), await task_store.label_past()
    if learned is not None:
        return taken_back(learned, records, past)
    fitted_at, labels = report.get("at"), report.get("labels")
    if not isinstance(fitted_at, int | float) or not isinstance(labels, int):
        return TakenBack()
    return TakenBack(min(taken_back_since(records, past, fitted_at), labels), labels)
