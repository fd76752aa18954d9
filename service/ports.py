"""The interfaces of a store for scoring and learning.

`store` implements them, and `runtime` hands them on. Every call raises `StoreError` if the store is
away or refuses it.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from assay.service.concurrency.fair_queue import FairQueue
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.labels import Label, LabelEvent, LabelRecord, LabelWrites
from assay.service.domain.learned import MOST_BYTES, Fit, Sizes, State, TaskReading
from assay.service.domain.matrix import CachedColumn, ScoreMatrix
from assay.service.domain.observation import KeptCandidates, Observation
from assay.service.domain.reward_runs import RewardRun, RunSummary
from assay.service.domain.run_alarm import RunAlarm
from assay.service.domain.score_keys import Keys


class ScoreCache(Protocol):
    """The cache of earlier scores."""

    async def read(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        fair_queue: FairQueue | None = None,
        /,
    ) -> dict[str, bytes]:
        """Fill a matrix with the known scores, and return the stored values."""

    def pack(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
        /,
    ) -> dict[str, bytes]:
        """Return the values to write after a request."""

    def packing(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
        at_once: int,
        /,
    ) -> Iterator[dict[str, bytes]]:
        """Yield the same, those of so many pairs at a time."""

    async def write(self, values: dict[str, bytes]) -> None:
        """Keep values."""

    async def claim(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
        /,
    ) -> None:
        """Keep a matrix's new scores, but take those that another process kept first."""

    def forget(self, values: dict[str, bytes]) -> None:
        """Note that values will not be written."""


class Listener(Protocol):
    """Hears that another version is served."""

    async def heard(self, seconds: float) -> bool:
        """Return whether there was news within so many seconds."""

    async def close(self) -> None:
        """Listen no more."""


class StoreClient(Protocol):
    """The store as a whole."""

    @property
    def refuses(self) -> str | None:
        """Return why it takes no writes; None where it does."""

    async def generation(self) -> bytes:
        """Return a name that changes where the store comes back empty."""

    def damaged(self, what: str, count: int = 1) -> None:
        """Note values that are damaged."""

    async def count_damaged(self) -> None:
        """Count the damaged values that processes without metrics reported."""

    async def note_loss(self, text: str) -> None:
        """Note a loss of the store, as a sentence for a person."""

    async def probe(self) -> None:
        """Look whether writes are taken."""

    async def listen(self) -> Listener:
        """Listen; raise `NoNewsError` where that is not possible."""


class RunStore(Protocol):
    """One task's runs, and the versions that they are pinned to."""

    async def pinned(self, name: str, now: float, ttl_s: float) -> RewardRun | None:
        """Return a run and note that it is used; None for an unknown one."""

    async def pin(self, run: RewardRun, now: float, ttl_s: float) -> RewardRun | int:
        """Keep a run unless one of its name is kept; return the kept one, or why there is none."""

    async def keep_version(self, version: int, model: bytes, report: Mapping[str, Any]) -> None:
        """Put back a version that a run needs, and that an emptied store lost."""

    async def end_run(self, name: str) -> bool:
        """Let go of a run; return whether it was there."""

    async def runs(self) -> list[RunSummary]:
        """Return the runs, the one that was used last first."""

    async def alarms(self) -> dict[str, RunAlarm]:
        """Return the alarms of runs by name."""

    async def sums(self, name: str) -> tuple[bytes, RunAlarm | None]:
        """Return a run's sums as stored, empty before the first, and its alarm."""

    async def keep_sums(self, name: str, before: bytes, sums: bytes, alarm: RunAlarm) -> int:
        """Keep sums that follow `before`; return 1, 0 if that has changed, -1 without a run."""

    async def model(self, version: int) -> bytes | None:
        """Return a version's artifact."""

    async def report(self, version: int) -> dict[str, Any] | None:
        """Return a version's report."""


class TaskStore(Protocol):
    """One task's requests and labels, and its learned versions."""

    @property
    def opener(self) -> Callable[[], AbstractAsyncContextManager[TaskStore]]:
        """Return a function that opens the same in another process; it can be pickled."""

    async def record(self, record: Observation, most: int, most_bytes: int = MOST_BYTES) -> int:
        """Keep a request; return 1 if it is new, 2 if it replaced a poorer one, 0 if known."""

    async def make_room(self, share: float) -> int:
        """Let go of a share of the requests, the oldest; return how many went."""

    async def rows(self) -> list[Observation]:
        """Return all requests, oldest first, without their texts."""

    def pages(self, texts: bool = False) -> AsyncIterator[list[Observation]]:
        """Yield all requests, oldest first, some at a time."""

    def newest(self, after: tuple[int, int] | None = None) -> AsyncIterator[list[Observation]]:
        """Yield the requests after a place without their texts, some at a time, newest first."""

    def candidates(
        self, after: tuple[int, int] | None = None
    ) -> AsyncIterator[list[KeptCandidates]]:
        """Yield the candidates of requests after a place, oldest first, some at a time."""

    async def oldest_place(self) -> tuple[int, int] | None:
        """Return the place of the oldest request of the window."""

    async def labelled_of(self, queries: Collection[str]) -> list[Observation]:
        """Return the requests with a label at the last fit that are of some queries."""

    async def labelled(self) -> list[Observation]:
        """Return the requests that had a label at the last fit."""

    async def keep_labelled(self, records: Sequence[Observation]) -> None:
        """Keep requests for their labels, in the place of those that were kept for it."""

    async def since(self) -> dict[int, tuple[int, int]]:
        """Return from which place on the scores of verifiers that drifted count."""

    async def count_from(self, fingerprint: int, place: tuple[int, int]) -> None:
        """Have a verifier's scores count from a place on."""

    async def sizes(self) -> tuple[int, int]:
        """Return how many requests and how many labels are kept."""

    async def progress(self) -> tuple[Sizes, Sizes]:
        """Return the sizes at the last fit, and now."""

    async def label(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Keep labels, each beside those of other annotators, and return what became of each."""

    async def try_labels(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Return what would become of labels, and keep none."""

    async def withdraw(
        self, withdrawals: Sequence[tuple[str, str | None]], at: float
    ) -> tuple[list[int], bool]:
        """Withdraw labels by key and annotator; return how many each, and if durably."""

    async def labels(self) -> dict[str, Label]:
        """Return all labels by candidate key, those of several annotators as one."""

    async def label_records(self) -> dict[str, LabelRecord]:
        """Return all labels by candidate key, with their annotators."""

    async def label_keys(self) -> list[str]:
        """Return the keys of the candidates that have a label."""

    async def label_past(self) -> dict[str, list[LabelEvent]]:
        """Return replaced and withdrawn labels by candidate key."""

    async def state(self) -> State:
        """Return which version is served."""

    async def note(self, seen: CascadeSavings) -> None:
        """Add to the sums of a version's cascade."""

    async def look(self) -> TaskReading:
        """Return the state, the sizes, and the cascade's savings."""

    async def note_export(self, labels: int) -> None:
        """Remember that labels were exported."""

    async def model(self, version: int) -> bytes | None:
        """Return a version's artifact."""

    async def report(self, version: int) -> dict[str, Any] | None:
        """Return a version's report."""

    async def learned(self, version: int) -> bytes | None:
        """Return the labels that a version learned; None for one that did not keep them."""

    async def reports(self) -> dict[int, dict[str, Any]]:
        """Return each version's report."""

    async def keep_report(self, report: Mapping[str, Any]) -> None:
        """Keep the last report on the worth of the ensemble."""

    async def last_report(self) -> dict[str, Any] | None:
        """Return the last report."""

    async def lease(self, token: str) -> bool:
        """Return whether this replica may fit now."""

    async def publish(
        self, token: str, fit: Fit, sizes: Sizes, versions: int, runs_since: float = 0.0
    ) -> int:
        """Keep a fitted version, serve it unless one is pinned; return its number, 0 for none."""

    async def restore(self, version: int, model: bytes, report: Mapping[str, Any]) -> bool:
        """Put the served version back into a store that came back empty."""

    async def renew(self, token: str) -> bool:
        """Hold the lease for longer; return False where it was lost."""

    async def release(self, token: str) -> None:
        """Let others fit."""

    async def make_due(self) -> None:
        """Have the task fitted again."""

    async def promote(self, version: int, pinned: bool | None = None) -> bool:
        """Serve a version; return False if it does not exist."""

    async def rollback(self) -> int:
        """Serve the version before; return it, 0 without one."""
