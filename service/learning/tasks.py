"""Tasks: the model of each, the same on every replica, and the requests that it learns from."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import structlog

from assay.aggregation import Aggregator, Column, Floats, RobustAverage, ServedModel
from assay.aggregation.drift import Drift, DriftReference
from assay.aggregation.label_model.saved.artifact import ArtifactError, from_dict
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.identity import Keys, by_query
from assay.service.domain.learned import LOSS_OF_TASK, MOST_BYTES, State
from assay.service.domain.observation import Observation, record_of
from assay.service.domain.secrets import error_line
from assay.service.learning.fit_job import FitInputs
from assay.service.learning.model_backup import ModelBackup
from assay.service.ports import StoreClient, TaskStore
from assay.service.scoring.cascade_policy import CascadePolicy
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair

log = structlog.get_logger()

REMEMBERED_REQUESTS = 4096
#: Share of a task's requests that go where a store is full: scores and labels come first.
ROOM_SHARE = 0.25


@dataclass(slots=True)
class Task:
    """A task as this process knows it."""

    name: str
    ensemble: str
    columns: tuple[Column, ...]
    base_rate: float | None = None  # where somebody stated it
    quality: dict[str, float | str] = field(default_factory=dict)
    costs: tuple[float, ...] = ()  # of each verifier, a candidate
    keep: int = 20_000  # requests
    keep_bytes: int = MOST_BYTES  # that they may take
    versions: int = 20  # of its model
    sample: float = 1.0  # share of requests that are kept
    store_text: bool = False
    cascade_policy: CascadePolicy = field(default_factory=CascadePolicy)
    memory: TaskStore | None = (
        None  # a view through another ensemble has none, nor a task that was given its model
    )
    model: Aggregator = field(init=False)
    version: int = 0
    reference: list[DriftReference] = field(
        default_factory=list
    )  # each verifier's scores as they were at the fit
    drift: list[Drift] = field(default_factory=list)
    served: tuple[bytes, dict[str, Any]] | None = (
        None  # the artifact and its report, should the store lose them
    )
    known: State = field(default_factory=State)  # as it was looked at last
    kept: tuple[int, int] = (0, 0)  # requests and labels that the store had then
    left: int = 0  # the version that the store names and that cannot be served
    compared: bool = False  # whether what the store has was held against what it had
    looked_on_disk: bool = False  # whether a copy of what it served is there
    fitted_at: tuple[int, ...] = (0, 0)  # the place in the stream up to which the model has seen
    recorded: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.model = RobustAverage(self.columns, self.base_rate or 0.5)

    @property
    def learns(self) -> bool:
        """Return whether requests are kept and models fitted."""
        return self.memory is not None

    @property
    def cold(self) -> bool:
        """Return whether nothing was learned yet."""
        return not self.model.learned

    @property
    def model_version(self) -> str:
        """Return the name of the served version; version 0 is the state before the first fit."""
        return f"{self.name}@{self.model.version if isinstance(self.model, ServedModel) else self.version}"  # noqa: E501

    @property
    def fingerprints(self) -> tuple[int, ...]:
        """Return the parts that determine each verifier's scores, in the order of the columns."""
        return tuple(int(column.key, 16) for column in self.columns)

    def given(self) -> FitInputs:
        """Return the inputs of a fit."""
        names = tuple(column.name for column in self.columns)
        families = {column.name: column.family for column in self.columns}
        return FitInputs(names, self.fingerprints, families, dict(self.quality), self.base_rate)

    def use(self, model: ServedModel) -> None:
        """Serve a model that was fitted elsewhere, from now on and unchanged."""
        self.model, self.memory = model, None
        self.cascade_policy.use_model(model.fitted, 0)

    def serve(self, version: int, artifact: bytes, report: dict[str, Any]) -> None:
        """Serve a version from now on; a verifier that changed since its fit does not count.

        Raises `ArtifactError`, `KeyError`, `TypeError` or `ValueError` for damaged data,
        and keeps serving the version before.
        """
        fingerprints: dict[str, str] = report["fingerprints"]
        known = tuple(
            (
                column
                if fingerprints.get(column.name) == column.key
                else Column(column.key, column.family, name=f"{column.name} (changed)")
            )
            for column in self.columns
        )
        names = [each.name for each in fields(DriftReference)]  # a later release may say more
        reference = [
            DriftReference(**{name: each[name] for name in names}) for each in report["reference"]
        ]
        fitted_at = tuple(report["until"])
        self.model = model = ServedModel(from_dict(orjson.loads(artifact)), known, str(version))
        self.cascade_policy.use_model(model.fitted, version)
        self.version, self.served = version, (artifact, report)
        self.reference, self.fitted_at, self.drift = reference, fitted_at, []
        log.info("model_served", task=self.name, version=self.model_version)


@dataclass(frozen=True, slots=True)
class Rows:
    """A request, ready to be kept."""

    task: Task
    record: Observation


class Tasks:
    """All tasks of the configuration, in step with the store, with a copy of models on disk."""

    def __init__(
        self,
        store: StoreClient,
        tasks: Sequence[Task],
        keepsake: ModelBackup | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._store, self._keepsake, self._metrics = store, keepsake, metrics
        self._generation: bytes | None = None
        self.by_name = {task.name: task for task in tasks}

    def through(self, task: Task, ensemble: str, columns: Sequence[Column]) -> Task:
        """Return a task with an ensemble that is not its own; learned weights follow verifiers."""
        view = Task(
            name=task.name, ensemble=ensemble, columns=tuple(columns), base_rate=task.base_rate
        )
        try:
            view.model, view.version = task.model.for_columns(columns), task.version
        except (
            ValueError
        ):  # a model that knows none of these verifiers: nothing was learned of them
            log.debug("model_knows_no_verifier", task=task.name, ensemble=ensemble)
        return view

    def pack(self, task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]) -> list[Rows]:
        """Return a task's records of a request, one a query.

        Nothing if the task has it already, leaves it out, or learns nothing.
        """
        return list(self.packing(task, keys, raw, pairs))

    def packing(self, task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]) -> Iterator[Rows]:
        """Yield the same, one query at a time."""
        if not task.learns:
            return
        parts = by_query(keys) if keys.whole is None else [(keys, list(range(len(pairs))))]
        for part, rows in parts:
            found = self._pack(task, part, raw[rows], [pairs[row] for row in rows])
            if found is not None:
                yield found

    def _pack(self, task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]) -> Rows | None:
        if keys.whole is None or keys.whole in task.recorded or np.isnan(raw).all():
            return None
        if task.sample < 1 and random.random() >= task.sample:  # noqa: S311 - a sample, no secret
            return None
        record = record_of(
            keys, task.fingerprints, raw, task.model_version, pairs if task.store_text else None
        )
        if (
            not record.missing
        ):  # what lacks a score is worth recording again when the score is there
            task.recorded[keys.whole] = None
            if len(task.recorded) > REMEMBERED_REQUESTS:
                task.recorded.popitem(last=False)
        return Rows(task, record)

    async def record(self, rows: Rows) -> None:
        """Keep a request. Raises `StoreError`."""
        if rows.task.memory is not None:
            await rows.task.memory.record(rows.record, rows.task.keep, rows.task.keep_bytes)

    async def make_room(self) -> int:
        """Drop the oldest requests of a full store; return how many. Raises `StoreError`."""
        went = 0
        for task in self.by_name.values():
            if task.memory is not None:
                gone = await task.memory.make_room(ROOM_SHARE)
                went += gone
                if gone:
                    log.warning(
                        "requests_made_room",
                        task=task.name,
                        count=gone,
                        hint="the store is full: lower keep or keep_mb",
                    )
        return went

    async def note(self, task: Task, seen: CascadeSavings) -> None:
        """Note the hypothetical result of a task's cascade on a query.

        Raises `StoreError`.
        """
        if task.memory is not None:
            await task.memory.note(seen)
        else:
            task.cascade_policy.estimate += seen

    async def refresh(self) -> None:
        """Serve the version that the store names for each task.

        An error of one task is raised after the others are done. Raises `StoreError`.
        """
        await self._look_at_generation()
        refused: list[StoreRefusedError] = []
        for task in self.by_name.values():
            try:
                await self._look_at(task)
            except StoreRefusedError as exc:
                refused.append(exc)
        await self._store.count_damaged()
        if refused:
            raise refused[0]

    async def refresh_one(self, task: Task) -> None:
        """Serve the version that the store names for a task, whatever the state of others.

        Raises `StoreError`.
        """
        await self._look_at_generation()
        await self._look_at(task)

    async def _look_at(self, task: Task) -> None:
        if task.memory is None:
            return
        state, *kept, estimate = await task.memory.look()
        if state.serving and state.serving != task.version:
            await self._load(task, task.memory, state.serving)
        elif not state.serving:
            await self._put_back(task, task.memory)
        if not task.compared:
            task.compared = True
            await self._compare(task, int(kept[1]))
        task.known, task.kept = state, (int(kept[0]), int(kept[1]))
        task.cascade_policy.look_at_costs()
        if estimate.version == task.cascade_policy.estimate.version and estimate.queries:
            task.cascade_policy.estimate = estimate
            if self._metrics is not None:
                self._metrics.saves(
                    task.name, estimate.loss / estimate.queries, estimate.cost / estimate.queries
                )

    async def _compare(self, task: Task, labels: int) -> None:
        """Log a loss if the store has fewer labels than the model on disk was fitted on: labels are
        never taken back.
        """
        kept = (
            None
            if self._keepsake is None
            else await asyncio.to_thread(self._keepsake.read, task.name)
        )
        had = kept[2].get("labels_given") if kept is not None else None
        if isinstance(had, int) and labels < had:
            hint = "assay labels import brings an export back"
            log.error("store_has_lost_labels", task=task.name, had=had, has=labels, hint=hint)
            await self._store.note_loss(
                f"{LOSS_OF_TASK}{task.name} had {had} labels or more, and has {labels}: {hint}"
            )

    async def _look_at_generation(self) -> None:
        """Log a loss if the store has fewer labels than the model on disk was fitted on: labels are
        never taken back.
        """
        found = await self._store.generation()
        if self._generation not in (None, found):
            if self._metrics is not None:
                self._metrics.store_emptied.inc()
            for task in self.by_name.values():
                if task.memory is not None:
                    # so that requests that were kept are kept again when they come again
                    task.recorded.clear()
                    log.error("store_came_back_empty", task=task.name, **lost(task))
        self._generation = found

    async def _put_back(self, task: Task, memory: TaskStore) -> None:
        """Restore the last served version, from memory or disk, in a store without one."""
        if task.served is None and self._keepsake is not None and not task.looked_on_disk:
            task.looked_on_disk = True
            kept = await asyncio.to_thread(self._keepsake.read, task.name)
            if kept is not None:
                self._serve(task, *kept)
        if task.served is not None and await memory.restore(task.version, *task.served):
            report = task.served[1]
            log.error(
                "served_model_restored",
                task=task.name,
                version=task.model_version,
                learned_from_labels=report.get("labels"),
                learned_from_rows=report.get("rows"),
                hint="the store knew of no version: assay labels import brings an export back",
            )

    async def _load(self, task: Task, memory: TaskStore, version: int) -> None:
        artifact, report = await memory.model(version), await memory.report(version)
        if task.version == version:  # a concurrent call was first
            return
        if artifact is None or report is None:
            self._leave(task, version, "it does not exist")
        elif self._serve(task, version, artifact, report) and self._keepsake is not None:
            await asyncio.to_thread(self._keepsake.write, task.name, version, artifact, report)

    def _leave(self, task: Task, version: int, why: str) -> None:
        """Record, and log once, that a version cannot be served; the one before goes on serving."""
        if task.left != version:
            log.error(
                "model_damaged",
                task=task.name,
                version=version,
                still_served=task.model_version,
                error=why,
            )
        task.left = version

    def _serve(self, task: Task, version: int, artifact: bytes, report: dict[str, Any]) -> bool:
        """Serve a version; return whether it was whole."""
        try:
            task.serve(version, artifact, report)
        except (ArtifactError, ValueError, KeyError, TypeError, AttributeError) as exc:
            if task.left != version:
                self._store.damaged("models")
            self._leave(task, version, error_line(exc))
            return False
        return True


def lost(task: Task) -> dict[str, Any]:
    """Return the losses of an emptied store: all its data, less the exported labels."""
    requests, labels = task.kept
    exported, at = task.known.exported, task.known.exported_at
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else "never"
    return {
        "lost_requests": requests,
        "lost_labels": labels,
        "last_export": when,
        "labels_since_export": max(0, labels - exported),
        "hint": "assay labels import brings an export back",
    }
