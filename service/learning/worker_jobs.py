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

from assay.service.domain.learned import Fit
from assay.service.domain.observation import Observation
from assay.service.domain.stored_values import Label
from assay.service.learning.fit_job import FitInputs, KnownLabel, Served, refit
from assay.service.learning.report_job import ReportInputs, measure_shadow, measure_task
from assay.service.ports import TaskStore

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Source:
    """An opener of a task's part of the store, and the number of requests that it keeps."""

    open: Callable[[], AbstractAsyncContextManager[TaskStore]]
    keep: int


@dataclass(frozen=True, slots=True)
class Kept:
    """All data to learn from."""

    records: list[Observation]
    labels: dict[str, KnownLabel]
    since: Mapping[int, tuple[int, int]]


def fit_kept(source: Source, given: FitInputs) -> Fit:
    """Return what `refit` makes of what is kept, beside what is served. Raises `StoreError`."""

    async def work(memory: TaskStore) -> Fit:
        kept = await _read(memory)
        found = refit(given, kept.records, kept.labels, await _served(memory, given), kept.since)
        await _keep_labelled(memory, kept, source.keep)
        return found

    return _at(source, work)


def report_kept(source: Source, asked: ReportInputs) -> dict[str, Any]:
    """Return a report on the kept requests.

    Raises `NothingToReportError` or `StoreError`.
    """

    async def work(memory: TaskStore) -> dict[str, Any]:
        kept = await _read(memory)
        return measure_task(
            asked, kept.records, kept.labels, await _served(memory, asked.given), kept.since
        )

    return _at(source, work)


def shadow_kept(source: Source, given: FitInputs, version: int) -> dict[str, Any] | None:
    """Return another version's answers, and the served version; None if either is missing.

    Raises the errors of `report_kept`.
    """

    async def work(memory: TaskStore) -> dict[str, Any] | None:
        beside = (await memory.state()).serving
        serving, other = await memory.model(beside), await memory.model(version)
        if serving is None or other is None:
            return None
        kept = await _read(memory)
        return {
            "serving": beside,
            "other": version,
            **measure_shadow(given, kept.records, kept.labels, serving, other, kept.since),
        }

    return _at(source, work)


def draw_kept(source: Source, count: int) -> tuple[int, list[dict[str, Any]]]:
    """Return how many requests have texts and no label, and one candidate each of so many of them,
    all drawn at random.

    Raises `StoreError`.
    """

    async def work(memory: TaskStore) -> tuple[int, list[dict[str, Any]]]:
        known = {key.partition(":")[0] for key in await memory.labels()}
        left, drawn = 0, list[Observation]()
        async for records in memory.pages(texts=True):
            for record in records:
                if record.texts is None or record.query in known:
                    continue
                left += 1
                place = random.randrange(left)  # noqa: S311 - a draw, no secret
                if len(drawn) < count:
                    drawn.append(record)
                elif place < count:  # each so far is among the drawn ones with the same chance
                    drawn[place] = record
        random.shuffle(drawn)
        return left, [_drawn(record) for record in drawn]

    return _at(source, work)


def _drawn(record: Observation) -> dict[str, Any]:
    """Return a random candidate of a request: calibration must not see only the best ones."""
    assert record.texts is not None  # noqa: S101 - who calls has looked
    candidate = random.choice(record.candidates)  # noqa: S311 - a draw, no secret
    text = {"query": record.texts.query, "candidate": record.texts.candidates[candidate]}
    return {"key": f"{record.query}:{candidate}", **text, "random": True}


def _at(source: Source, work: Callable[[TaskStore], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with source.open() as memory:
            return await work(memory)

    return asyncio.run(run())


async def _read(memory: TaskStore) -> Kept:
    """Return the requests of the window, and those before it that have a label."""
    labels = {key: _known(label) for key, label in (await memory.labels()).items()}
    records = {record.name: record for record in [*await memory.labelled(), *await memory.rows()]}
    return Kept(
        sorted(records.values(), key=lambda record: record.at), labels, await memory.since()
    )


def _known(label: Label) -> KnownLabel:
    return KnownLabel(label.correct, bool(label.random), label.at)


async def _keep_labelled(memory: TaskStore, kept: Kept, most: int) -> None:
    """Keep the newest requests with a label, so that it counts after they leave the window."""
    queries = {key.partition(":")[0] for key in kept.labels}
    with_label = [
        record
        for record in kept.records
        if record.query in queries
        and any(f"{record.query}:{candidate}" in kept.labels for candidate in record.candidates)
    ]
    await memory.keep_labelled(with_label[-most:])


async def _served(memory: TaskStore, given: FitInputs) -> Served | None:
    """Return the served model to compare with; None without one, or if its verifiers differ."""
    version = (await memory.state()).serving
    artifact, said = await memory.model(version), await memory.report(version)
    same = {
        name: f"{each:016x}" for name, each in zip(given.names, given.fingerprints, strict=True)
    }
    if not artifact or not said or said.get("fingerprints") != same:
        return None
    # A model of an earlier release has the time of its fit: labels from during that fit cannot be
    # told from later ones.
    until = said.get("labels_until", said.get("at"))
    return (
        Served(artifact, until, said.get("calibrated") is True, version)
        if isinstance(until, int | float)
        else None
    )
