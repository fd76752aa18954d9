"""The probabilities of a query taken together."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import Floats
from assay.aggregation.p_best import probability_any_correct, probability_top_is_best

NAN = np.nan


def test_the_top_is_best_with_the_chance_that_it_is_larger() -> None:
    """Two candidates: a normal's; one alone is certain; equals share; none is unknown."""
    assert probability_top_is_best(np.array([1.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(
        0.5793, abs=1e-4
    )
    assert probability_top_is_best(np.array([NAN, 0.3]), np.ones(2)) == pytest.approx(1)
    assert probability_top_is_best(np.zeros(4), np.ones(4)) == pytest.approx(0.25, abs=1e-3)
    assert probability_top_is_best(np.full(2, NAN), np.ones(2)) is None


def test_any_correct_counts_an_answer_once() -> None:
    """An answer counts by its largest probability; candidates without an answer do not count."""
    p: Floats = np.array([0.5, 0.4, 0.5, NAN])
    assert probability_any_correct(p, ["a", "a", "b", "c"]) == pytest.approx(0.75)
    assert probability_any_correct(np.array([NAN]), ["a"]) is None
