"""Which calls a request makes next: decisions, without asking anybody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.service.domain.budget import OVER_BUDGET, Budget
from assay.service.domain.matrix import UNKNOWN
from assay.service.scoring.cascade_run import CascadeRun
from assay.service.scoring.plan import NOT_ALONE, next_calls, prepare, tokens_wanted
from assay.service.scoring.run import ScoringRun
from assay.verifiers import KINDS, Status, Verdict
from tests.support.samples.cascades import cascade, query
from tests.support.scorers import Books, fake, run_of
from tests.support.verifiers.fakes import FakeVerifier


class Served(FakeVerifier):
    """A fake with the settings of a model at a server."""

    @property
    def settings(self) -> object:  # type: ignore[override]  # settings of another kind
        """Return a cross-encoder's."""
        return KINDS["cross_encoder"].settings(
            name=self.name, kind="cross_encoder", model="m", endpoint="http://x"
        )  # type: ignore[call-arg]


def tiered(values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> ScoringRun:
    """Return a request over six verifiers that goes through tiers."""
    books = Books([fake(f"v{place}", bounds=None) for place in range(values.shape[1])])
    run = run_of(books, books.job(len(values)))
    run.cascade = CascadeRun(cascade(price=0.0), len(values), None, lambda raw: raw[:, 0])
    return run


def test_without_a_cascade_all_are_asked_once() -> None:
    """Each about every pair; a second look has nothing to add."""
    books = Books([fake("a"), fake("b")])
    run = run_of(books, books.job(3))

    calls = next_calls(run, run.began)

    assert [(call.column, list(call.rows), list(call.keys)) for call in calls] == [
        (column, [0, 1, 2], list(run.keys.pairs)) for column in (0, 1)
    ]
    assert next_calls(run, run.began) == []


def test_only_what_is_unknown_is_asked() -> None:
    """With the names and texts of those pairs; of a verifier that said all, nothing."""
    books = Books([fake("a"), fake("b")])
    run = run_of(books, books.job(3))
    run.enter(0, [0, 1, 2], Verdict(0.5))
    run.enter(1, [1], Verdict(0.5))

    [call] = next_calls(run, run.began)

    assert (call.column, list(call.rows)) == (1, [0, 2])
    assert [pair.candidate for pair in call.pairs] == ["c0", "c2"]
    assert list(call.keys) == [run.keys.pairs[0], run.keys.pairs[2]]


def test_who_compares_is_asked_about_the_whole_set_in_its_own_order() -> None:
    """So the same candidates in another order are the same call."""
    books = Books([fake("v", setwise=True)])
    run = run_of(books, books.job(3))

    [call] = next_calls(run, run.began)

    assert list(call.rows) == list(run.keys.set_order)
    assert call.set_key == run.keys.whole
    assert [pair.candidate for pair in call.pairs] == [f"c{row}" for row in run.keys.set_order]


def test_who_compares_has_no_word_on_pairs_that_stand_alone() -> None:
    """The run enters that at the start, without a call."""
    books = Books([fake("setwise", setwise=True), fake("pointwise")])
    run = run_of(books, books.job(2, one_query=False))

    prepare(run, cascades=True)

    assert run.matrix.reasons[1, 0] == NOT_ALONE.reason
    assert [call.column for call in next_calls(run, run.began)] == [1]


def test_what_the_budget_does_not_reach_is_skipped() -> None:
    """The cheapest come first; the others have the reason instead of a score."""
    books = Books([fake("dear", cost=10.0), fake("cheap", cost=1.0)])
    run = run_of(books, replace(books.job(2), budget=Budget(cost=5.0)))

    prepare(run, cascades=False)

    assert run.matrix.status[:, 0].tolist() == [Status.SKIPPED] * 2
    assert run.matrix.reasons[0, 0] == OVER_BUDGET
    assert [call.column for call in next_calls(run, run.began)] == [1]
    assert run.warnings == ["budget: too small for dear, which the scores lack"]


@pytest.mark.parametrize(
    ("budget", "warnings"),
    [
        (Budget(calls=2), []),
        (Budget(cost=0.0), ["budget: too small for cheap, dear, which the scores lack"]),
    ],
)
def test_a_budget_that_leaves_verifiers_out_is_a_warning(
    budget: Budget, warnings: list[str]
) -> None:
    """Which names them; one that is large enough is none."""
    books = Books([fake("dear", cost=10.0), fake("cheap", cost=1.0)])
    run = run_of(books, replace(books.job(1), budget=budget))

    prepare(run, cascades=False)

    assert run.warnings == warnings


def test_what_is_all_remembered_asks_nobody() -> None:
    """The plan is made before it begins."""
    books = Books([fake("v")])
    run = run_of(books, books.job(2))
    run.enter(0, [0, 1], Verdict(0.5))

    prepare(run, cascades=True)

    assert run.planned
    assert next_calls(run, run.began) == []


def test_tokens_are_those_that_models_would_read() -> None:
    """Of unknown scores; a check reads none."""
    books = Books([Served("served"), fake("check")])
    run = run_of(books, books.job(2))
    everything = tokens_wanted(run)
    run.enter(0, [0], Verdict(0.5))

    assert (
        everything == sum(len(pair.candidate + pair.query.text) for pair in run.request.pairs) // 4
    )
    assert tokens_wanted(run) < everything


def test_a_tier_is_asked_when_the_one_before_is_known() -> None:
    """One tier a look, until its scores are there; the last ends the cascade."""
    scores = query(0)
    run = tiered(scores)
    assert run.cascade is not None
    tiers = [list(tier.columns) for tier in cascade(price=0.0).tiers]

    asked = []
    while calls := next_calls(run, run.began):
        asked.append([call.column for call in calls])
        for call in calls:
            for row in call.rows:
                run.enter(call.column, [row], Verdict(float(scores[row, call.column])))

    assert asked == tiers
    assert run.cascade.done


def test_a_cascade_asks_no_further_tier_after_its_deadline() -> None:
    """The known scores make the answer."""
    run = tiered(query(0))
    assert run.cascade is not None
    first = next_calls(run, run.deadline)
    for call in first:
        run.enter(call.column, list(call.rows), Verdict(0.5))

    assert next_calls(run, run.deadline) == []
    assert run.cascade.done
    assert (run.matrix.status[:, run.cascade.later] == UNKNOWN).all()


def test_a_budget_ends_a_cascade_at_the_tier_that_it_does_not_reach() -> None:
    """That tier is skipped with the reason."""
    run = tiered(query(0))
    assert run.cascade is not None
    first = run.cascade.columns
    run.request = replace(run.request, budget=Budget(cost=0.0))

    assert next_calls(run, run.began) == []
    assert all(run.matrix.reasons[0, column] == OVER_BUDGET for column in first)
    assert run.cascade.done
