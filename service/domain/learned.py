"""A task's learned values in the store: a fit's outcome, the served version, the sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.service.domain.cascade_savings import CascadeSavings

#: How the message of a store's loss begins when it concerns a task; the name follows.
LOSS_OF_TASK = "the task "
#: The bytes that a task's requests may take.
MOST_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Fit:
    """The outcome of a fit: no model with too few requests; `serve` is false if it is no better.

    `learned`: the labels that the model learned, to notice later which of them were taken back.
    """

    model: bytes | None = None
    serve: bool = False
    report: dict[str, Any] = field(default_factory=dict)
    learned: bytes = b""


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """A version of a task's model, as the store and the backup on disk hold it."""

    version: int
    artifact: bytes
    report: dict[str, Any]


#: A replica that dies while it fits keeps the others from it for so long; one that lives renews its
#: lease meanwhile.
LEASE_MS = 10_000


@dataclass(frozen=True, slots=True)
class State:
    """Which version a task serves, as all replicas see it."""

    serving: int = 0
    newest: int = 0
    before: int = 0
    pinned: bool = False
    requests: int = 0  # that the last fit, or the last try, was made on
    labels: int = 0
    exported: int = 0  # labels that the last export had
    exported_at: int = 0  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Sizes:
    """The amounts to learn from: the kept requests, and all that ever came.

    A full window does not show the latter.
    """

    requests: int = 0
    labels: int = 0
    total_requests: int = 0  # that ever came
    total_labels: int = 0  # all that ever came, changes too
    withdrawn: int = 0  # candidates whose labels were all withdrawn, ever


@dataclass(frozen=True, slots=True)
class TaskReading:
    """A task's part of the store at one moment.

    `fitted`: the sizes at the last fit, or the last try; `stored`: the sizes now; `savings`: of its
    cascade, as all replicas measured them.
    """

    state: State = field(default_factory=State)
    fitted: Sizes = field(default_factory=Sizes)
    stored: Sizes = field(default_factory=Sizes)
    savings: CascadeSavings = field(default_factory=CascadeSavings)
