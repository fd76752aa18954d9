"""A task's records of a request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.service.domain.score_keys import keys_of
from assay.service.learning.tasks.packing import TaskObservation, observations
from assay.service.learning.tasks.task import Task
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import bare_task
from tests.support.samples.saved_versions import MemoryTaskStore


def learning(**settings: Any) -> Task:
    """Return a task that keeps its requests."""
    store: Any = MemoryTaskStore()
    return bare_task(task_store=store, **settings)


def ranked(
    task: Task, *texts: str, score: float = 0.5, one_query: bool = True, query: str = "q"
) -> list[TaskObservation]:
    """Return a task's records of candidates; for pairs, each text is its query, too."""
    pairs = [Pair(Query.of(query if one_query else text), text) for text in texts]
    raw = np.full((len(pairs), 6), score)
    return list(observations(task, keys_of(pairs, one_query), raw, pairs))


def test_a_task_that_does_not_learn_keeps_nothing() -> None:
    """Nor does it remember requests."""
    task = bare_task()

    assert ranked(task, "a", "b") == []
    assert not task.statistics.recorded


def test_a_request_is_kept_once() -> None:
    """The same candidates in another order are the same request."""
    task = learning()

    [kept] = ranked(task, "a", "b")

    assert ranked(task, "b", "a") == []
    assert len(ranked(task, "a", "c")) == 1
    assert kept.task is task
    assert kept.observation.version == "t@0"
    assert kept.observation.fingerprints == task.spec.fingerprints


def test_what_lacks_a_score_may_come_again() -> None:
    """With the score it is worth more; without any it is worth nothing."""
    task = learning()
    pairs = [Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")]
    raw = np.full((2, 6), 0.5)
    raw[0, 3] = np.nan

    for _ in range(2):
        assert len(list(observations(task, keys_of(pairs, True), raw, pairs))) == 1
    assert ranked(task, "x", "y", score=np.nan) == []


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (1.0, 50)])
def test_a_share_of_the_requests_is_kept(share: float, kept: int) -> None:
    """None, or all."""
    task = learning(sample=share)

    assert sum(len(ranked(task, "a", query=f"{number}")) for number in range(50)) == kept


def test_texts_are_kept_only_where_the_configuration_says_so() -> None:
    """By the candidates' hashes."""
    [silent] = ranked(learning(), "a", "b")
    [stored] = ranked(learning(store_text=True), "a", "b")

    assert silent.observation.texts is None
    assert stored.observation.texts is not None
    assert stored.observation.texts.query == "q"
    assert sorted(stored.observation.texts.candidates.values()) == ["a", "b"]


def test_pairs_are_kept_query_by_query() -> None:
    """Each with its own candidates."""
    kept = ranked(learning(), "a", "b", "a", one_query=False)

    assert [len(each.observation.candidates) for each in kept] == [1, 1]
