"""Which verifiers a budget reaches."""

from __future__ import annotations

import pytest

from assay.service.domain.budget import Budget, affordable
from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import (
    KINDS,
    Pair,
    Verdict,
    VerifierSettings,
)
from tests.support.scorers import Q


@pytest.mark.parametrize(
    ("budget", "left_out"),
    [
        (Budget(), []),
        (Budget(cost=3), [1]),
        (Budget(cost=2), [0, 1]),
        (Budget(calls=0), [0]),
        (Budget(tokens=5), [0]),
        (Budget(cost=0), [0, 1, 2]),
    ],
)
def test_a_budget_reaches_the_cheapest_first(budget: Budget, left_out: list[int]) -> None:
    """Served verifiers use calls and tokens; local verifiers only cost."""
    served = KINDS["cross_encoder"].settings(
        name="s", kind="cross_encoder", model="m", endpoint="http://x", cost=0.75
    )  # type: ignore[call-arg]
    verifiers = [
        served,
        VerifierSettings(name="dear", kind="fake", cost=5),
        VerifierSettings(name="cheap", kind="fake", cost=0.5),
    ]

    assert (
        sorted(affordable(budget, verifiers, ScoreMatrix(2, 3), [Pair(Q, "x" * 20)] * 2)[0])
        == left_out
    )


def test_what_is_known_already_costs_nothing() -> None:
    """Only pairs without a score need a call."""
    verifiers = [VerifierSettings(name="v", kind="fake", cost=2)]
    matrix = ScoreMatrix(3, 1)
    matrix.put(0, 0, Verdict(0.5))
    pairs = [Pair(Q, "x")] * 3

    assert affordable(Budget(cost=4), verifiers, matrix, pairs) == ([], Budget(4.0, 0, 0))
    assert affordable(Budget(cost=3.9), verifiers, matrix, pairs) == ([0], Budget(0.0, 0, 0))


def test_what_was_spent_before_counts() -> None:
    """A cascade asks again in each tier, for some columns and some of the pairs."""
    verifiers = [VerifierSettings(name=name, kind="fake", cost=1) for name in "ab"]
    rows = {0: [0, 1, 2], 1: [2]}

    left_out, used = affordable(
        Budget(cost=5),
        verifiers,
        ScoreMatrix(3, 2),
        [Pair(Q, "x")] * 3,
        columns=[1],
        rows_of=rows.__getitem__,
        used=Budget(4.0, 7, 1),
    )

    assert (left_out, used) == ([], Budget(5.0, 7, 1))


def test_a_served_verifier_makes_a_call_a_batch() -> None:
    """The last one may be smaller."""
    served = KINDS["cross_encoder"].settings.model_validate(
        {
            "name": "s",
            "kind": "cross_encoder",
            "model": "m",
            "endpoint": "http://x",
            "batch_size": 2,
        }
    )
    pairs = [Pair(Q, "x" * 7)] * 5

    _, used = affordable(Budget(), [served], ScoreMatrix(5, 1), pairs)

    assert (used.calls, used.tokens) == (3, 10)
