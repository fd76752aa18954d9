"""A cascade as a request goes through it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import numpy as np
import pytest

from assay.aggregation import Column, ServedModel
from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.domain.matrix import CachedColumn as CacheColumn
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.task import Task
from assay.service.scoring.cascade_policy import CascadePolicy
from assay.service.scoring.cascade_run import CascadeRun, capped
from assay.service.scoring.guard import Guarded
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.service.scoring.scorer import Scorer
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.samples.cascades import COSTS as SAMPLE_COSTS
from tests.support.samples.cascades import cascade, model, query, sample
from tests.support.verifiers.fakes import FakeVerifier


def test_a_cascade_run_is_the_replay_step_by_step() -> None:
    """The same tiers for the same candidates, and the same pick."""
    found = cascade(60)
    for number in range(60):
        scores = query(number)
        got, cascade_run = (
            found.replay(scores),
            CascadeRun(found, len(scores), None, lambda raw: raw[:, 0]),
        )
        raw = np.full(scores.shape, np.nan)
        while True:
            columns = np.array(cascade_run.columns)
            raw[np.ix_(cascade_run.survivors, columns)] = scores[
                np.ix_(cascade_run.survivors, columns)
            ]
            if not cascade_run.go_on(raw):
                break
        log_odds = model(60).score_samples(raw, np.zeros(len(raw)))
        order = cascade_run.order(
            log_odds, list(range(len(raw))), cascade_run.reached == len(found.tiers)
        )

        assert cascade_run.reached.tolist() == got.reached.tolist()
        if cascade_run.tier + 1 < cascade_run.tiers:
            np.testing.assert_equal(raw[order[0]], raw[got.best])
        values = capped(log_odds, order)[order]
        assert (np.diff(values[~np.isnan(values)]) <= 0).all()


class Nothing:
    """A cache, tasks and a writer that keep nothing."""

    async def read(self, *_: Any) -> dict[str, bytes]:
        """Know nothing."""
        return {}

    def __getattr__(self, name: str) -> Any:
        return lambda *_: {}


def scorer_of(fakes: list[FakeVerifier], early: float | None, price: float) -> tuple[Scorer, Task]:
    """Return a scorer of fakes, and a task that cascades over them."""
    names = [fake.name for fake in fakes]
    columns = tuple(Column(f"{at:016x}", name, None, 1.0, name) for at, name in enumerate(names))
    task = Task(
        TaskSpec(name="t", ensemble="e", columns=columns),
        cascade_policy=CascadePolicy("cascade", price, costs=SAMPLE_COSTS, early=early),
    )
    task.serve_model(ServedModel(model(), columns))
    members = [
        EnsembleMember(Guarded(fake, Breaker(5, 5)), CacheColumn(at, False), False)
        for at, fake in enumerate(fakes)
    ]
    nothing: Any = Nothing()
    return Scorer({"e": members}, nothing, nothing, nothing, Metrics(), TokenAdmission(None)), task


def _looked_up(known: list[float], pair: Pair) -> float:
    """Return the score of the candidate whose text is its place."""
    return known[int(pair.candidate)]


@pytest.mark.parametrize("early", [None, 1.0])
async def test_the_next_tier_starts_before_the_last_has_answered_where_it_is_known_to_be_wanted(
    early: float | None,
) -> None:
    """If the task is in a hurry: at no price everything is wanted, so nothing waits for the
    slowest of a tier.
    """
    found = cascade(price=0.0)
    slow = found.tiers[1].columns[0]
    values = query(0)
    fakes = []
    for at, name in enumerate(sample().names):
        known = values[:, at].tolist()
        fakes.append(FakeVerifier(name, partial(_looked_up, known), bounds=None))
    gate = fakes[slow].gate = asyncio.Event()
    scorer, task = scorer_of(fakes, early, 0.0)
    pairs = [Pair(Query.of("q"), str(place)) for place in range(len(values))]
    asking = asyncio.create_task(scorer.score(ScoringRequest(task, pairs, True, 30.0, learn=False)))
    later = found.tiers[2].columns[0]
    for _ in range(50):
        await asyncio.sleep(0)
    begun = bool(fakes[later].asked)
    gate.set()
    outcome = await asking

    assert begun is (early is not None)
    assert all(outcome.fully_scored)
    assert all(len(fake.asked) == 1 for fake in fakes)  # nobody is asked twice
    assert outcome.order[0] == int(np.nanargmax(outcome.combined.log_odds))


async def test_what_was_begun_early_and_is_not_wanted_is_left_and_its_cost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer does not wait for it."""
    found = cascade(price=0.0)
    slow, later = found.tiers[1].columns[0], found.tiers[2].columns
    monkeypatch.setattr(
        CascadeRun, "_sure", lambda _, raw: not np.isnan(raw[:, slow]).any()
    )  # when the slow one has spoken
    fakes = [FakeVerifier(sample().names[at], 0.5, bounds=None) for at in range(6)]
    for column in (slow, *later):
        fakes[column].gate = asyncio.Event()  # those of the later tier never answer
    scorer, task = scorer_of(fakes, 1.0, 0.0)
    pairs = [Pair(Query.of("q"), str(place)) for place in range(3)]
    asking = asyncio.create_task(scorer.score(ScoringRequest(task, pairs, True, 30.0, learn=False)))
    for _ in range(50):
        await asyncio.sleep(0)
    begun = [column for column in later if fakes[column].asked]
    gate = fakes[slow].gate
    assert gate is not None
    gate.set()
    outcome = await asking
    await asyncio.sleep(0)

    assert begun == list(later)
    assert [fakes[column].cancelled for column in later] == [1] * len(later)
    assert outcome.given_up == 3 * sum(fakes[column].settings.cost for column in later)
    assert outcome.cost > outcome.given_up
    assert not any(outcome.fully_scored)
