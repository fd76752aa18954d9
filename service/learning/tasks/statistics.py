"""A process's statistics of a task: counts, drift, and notes of work done."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from assay.aggregation.drift import Drift
from assay.service.domain.learned import TaskReading
from assay.service.learning.tasks.candidate_index import CandidateIndex

REMEMBERED_REQUESTS = 4096


@dataclass(frozen=True, slots=True)
class MatchedLabels:
    """How many labels are of kept candidates, at some counts of labels and requests ever."""

    total_labels: int
    total_requests: int
    matched: int
    unmatched: int


@dataclass(slots=True)
class TaskStatistics:
    """The part of a task that changes with each read and record.

    `reading`: the last one of the store. `drift`: of each verifier since
    the fit of the served version. `recorded`: the names of the last recorded requests.
    `unservable`: a damaged or missing version that the store names. `labels_compared`: whether the
    process has compared the store's labels with the backup's. `backup_read`: whether it has looked
    for a backup on disk. `candidates`: those that the store keeps, as last read.
    `matched`: the labels that are of one of them, as last counted.
    """

    reading: TaskReading = field(default_factory=TaskReading)
    drift: list[Drift] = field(default_factory=list)
    recorded: OrderedDict[str, None] = field(default_factory=OrderedDict)
    unservable: int = 0
    labels_compared: bool = False
    backup_read: bool = False
    candidates: CandidateIndex = field(default_factory=CandidateIndex)
    matched: MatchedLabels | None = None

    def note_recorded(self, request: str) -> None:
        """Remember a request's name, so that the task records it once; forget the oldest."""
        self.recorded[request] = None
        if len(self.recorded) > REMEMBERED_REQUESTS:
            self.recorded.popitem(last=False)
