"""Tasks: the rows seen of each, and the model learned from them, the same on every worker.

Rows are kept by the hash of their pair, so a repeated request adds none. When a task has seen 50, 500 and 5,000 rows, a
model is fitted and frozen under the next version; the first worker to write it wins, and all serve what was written.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
import structlog

from aggregation import Aggregator, Column, Floats, NotFittedError, RobustAverage, ServedModel

from .keys import Keys
from .store import PREFIX, Store, StoreDownError

log = structlog.get_logger()

FREEZE_AT = (50, 500, 5000)
RECORD = np.dtype([("column", "S24"), ("score", "<f8")])
REMEMBERED_REQUESTS = 4096


def rows_key(task: str) -> str:
    """Return the key of a task's rows: a hash from pair to packed scores."""
    return f"{PREFIX}rows:{{{task}}}"


def model_key(task: str, version: int) -> str:
    """Return the key of one version of a task's model."""
    return f"{PREFIX}model:{{{task}}}:{version}"


@dataclass(slots=True)
class Task:
    """A task as this process knows it."""

    name: str
    ensemble: str
    columns: tuple[Column, ...]
    base_rate: float
    model: Aggregator = field(init=False)
    version: int = 0
    tried: int = 0  # the last version that was due here, also where its rows taught nothing
    learns: bool = True  # a view through another ensemble does not, nor a task that was given its model
    recorded: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.model = RobustAverage(self.columns, self.base_rate)

    @property
    def cold(self) -> bool:
        """Return whether nothing was learned yet."""
        return not self.model.learned

    @property
    def model_version(self) -> str:
        """Return the name of what is served; version 0 is the state before anything was learned."""
        return f"{self.name}@{self.model.version if isinstance(self.model, ServedModel) else self.version}"

    def use(self, model: ServedModel) -> None:
        """Serve a model that was fitted elsewhere, from now on and unchanged."""
        self.model, self.learns = model, False

    def serve(self, version: int, model: RobustAverage) -> None:
        """Serve another version from now on."""
        self.version, self.model = version, model
        log.info("model_served", task=self.name, version=self.model_version, rows=model.rows_)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a request, ready to be stored."""

    task: Task
    values: dict[str, bytes]


class Tasks:
    """All tasks of the configuration, kept in step with the store."""

    def __init__(self, store: Store, tasks: Sequence[Task]) -> None:
        self._store = store
        self.by_name = {task.name: task for task in tasks}

    def through(self, task: Task, ensemble: str, columns: Sequence[Column]) -> Task:
        """Return a task as seen through an ensemble that is not its own: what was learned goes by verifier."""
        view = Task(task.name, ensemble, tuple(columns), task.base_rate, learns=False)
        try:
            view.model, view.version = task.model.for_columns(columns), task.version
        except ValueError:  # a model given to the task that knows none of these verifiers: nothing was learned of them
            log.debug("model_knows_no_verifier", task=task.name, ensemble=ensemble)
        return view

    def pack(self, task: Task, keys: Keys, raw: Floats) -> Rows | None:
        """Return the rows that a request adds to what a task has seen; None when it has seen enough, or these already."""
        if not task.learns or task.version >= len(FREEZE_AT):
            return None
        name = keys.whole or keys.pairs[0]
        if name in task.recorded:
            return None
        if not np.isnan(raw).any():  # what lacks a score is worth recording again when the score is there
            task.recorded[name] = None
            if len(task.recorded) > REMEMBERED_REQUESTS:
                task.recorded.popitem(last=False)
        table = np.empty(raw.shape, RECORD)
        table["column"] = np.array([column.key.encode() for column in task.columns], "S24")
        table["score"] = raw
        known = np.zeros(raw.shape, bool)
        np.isfinite(raw, out=known)
        whole = [bool(row.all()) for row in known]
        values = {
            key: table[row].tobytes() if whole[row] else table[row, np.flatnonzero(known[row])].tobytes()
            for row, key in enumerate(keys.pairs)
            if whole[row] or known[row].any()
        }
        return Rows(task, values) if values else None

    async def record(self, rows: Rows) -> None:
        """Store rows and, when enough are there, freeze the next version. Raises `StoreDownError`."""
        task = rows.task
        if task.version >= len(FREEZE_AT):
            return
        pipeline = self._store.redis.pipeline(transaction=False)
        pipeline.hset(rows_key(task.name), items=[part for row in rows.values.items() for part in row])
        pipeline.hlen(rows_key(task.name))
        seen = int((await self._store.call(pipeline.execute))[-1])
        due = sum(seen >= count for count in FREEZE_AT)
        if due > max(task.version, task.tried):
            await self._freeze(task, due)
            task.tried = due

    async def refresh(self) -> None:
        """Serve the newest version that the store has of each task. Raises `StoreDownError`."""
        names = [(task, version) for task in self.by_name.values() if task.learns for version in range(1, len(FREEZE_AT) + 1)]
        found = await self._store.fetch([model_key(task.name, version) for task, version in names])
        newest: dict[str, tuple[Task, int, bytes]] = {}
        for (task, version), value in zip(names, found, strict=True):
            if value is not None and version > task.version:
                newest[task.name] = (task, version, value)
        for task, version, value in newest.values():
            self._load(task, version, value)

    async def keep_fresh(self, every_s: float = 5.0) -> None:
        """Follow the other workers. Runs until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.refresh()
            except StoreDownError:
                continue  # the store's own log line says so, and the models in memory go on serving

    async def _freeze(self, task: Task, version: int) -> None:
        stored = await self._store.fetch_all(rows_key(task.name))
        try:
            # In a thread: sorting thousands of rows would hold up the requests that are being answered.
            model = await asyncio.to_thread(fit_rows, task.columns, task.base_rate, stored)
        except NotFittedError as exc:
            log.warning("model_not_fitted", task=task.name, reason=str(exc))
            return
        key = model_key(task.name, version)
        await self._store.call(lambda: self._store.redis.set(key, orjson.dumps(model.to_dict()), nx=True))
        [written] = await self._store.fetch([key])
        if written is not None:
            self._load(task, version, written)

    @staticmethod
    def _load(task: Task, version: int, value: bytes) -> None:
        try:
            task.serve(version, RobustAverage.from_dict(orjson.loads(value), task.columns, task.base_rate))
        except ValueError as exc:  # orjson's JSONDecodeError is one as well
            log.error("model_damaged", task=task.name, version=version, error=str(exc))


def fit_rows(columns: Sequence[Column], base_rate: float, stored: Sequence[bytes]) -> RobustAverage:
    """Return a model of stored rows; scores of verifiers that are not among the columns are left out."""
    scores = np.full((len(stored), len(columns)), np.nan)
    records = np.frombuffer(b"".join(stored), RECORD)
    rows = np.repeat(np.arange(len(stored)), [len(value) // RECORD.itemsize for value in stored])
    for place, column in enumerate(columns):
        found = records["column"] == column.key.encode()
        scores[rows[found], place] = records["score"][found]
    return RobustAverage(columns, base_rate).fit(scores)
