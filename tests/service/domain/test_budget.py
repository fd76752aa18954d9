"""What a request is willing to spend."""

from __future__ import annotations

import pytest

from assay.service.domain.budget import Budget, affordable
from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import (
    KINDS,
    Pair,
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
