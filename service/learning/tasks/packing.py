"""Packs a request into the observations that its task keeps."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.aggregation import Floats
from assay.service.domain.observation import Observation, record_of
from assay.service.domain.score_keys import Keys, by_query
from assay.service.learning.tasks.task import Task
from assay.verifiers import Pair


@dataclass(frozen=True, slots=True)
class TaskObservation:
    """A ranked query, ready for its task to keep."""

    task: Task
    observation: Observation


def observations(
    task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]
) -> Iterator[TaskObservation]:
    """Yield a task's observations of a request, one a query.

    It passes over queries that the task has already or leaves out, and yields nothing if the
    task does not learn.
    """
    if not task.learns:
        return
    parts = by_query(keys) if keys.whole is None else [(keys, list(range(len(pairs))))]
    for part, rows in parts:
        observation = _observation(task, part, raw[rows], [pairs[row] for row in rows])
        if observation is not None:
            yield TaskObservation(task, observation)


def _observation(task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]) -> Observation | None:
    spec, statistics = task.spec, task.statistics
    if keys.whole is None or keys.whole in statistics.recorded or np.isnan(raw).all():
        return None
    if spec.sample < 1 and random.random() >= spec.sample:  # noqa: S311 - a sample, no secret
        return None
    observation = record_of(
        keys,
        spec.fingerprints,
        raw,
        task.served.model_version,
        pairs if spec.store_text else None,
    )
    # A query that lacks a score is worth another record once it has the score.
    if not observation.missing:
        statistics.note_recorded(keys.whole)
    return observation
