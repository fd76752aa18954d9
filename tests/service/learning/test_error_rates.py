"""Error rates of decisions, from labels that the model has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from assay.service.learning.error_rates import error_rates


def test_the_rates_are_those_of_random_labels() -> None:
    """Chosen labels do not count, nor rows without a label or a score."""
    correct = np.array([1.0] * 20 + [0.0] * 40 + [-1.0, 1.0, 0.0])
    held = np.array([1.0] * 15 + [-1.0] * 5 + [1.0] * 10 + [-1.0] * 30 + [1.0, np.nan, 1.0])
    random = np.array([True] * 62 + [False])

    rates = error_rates(held, correct, random)

    assert rates == {"false_positive": 0.25, "false_negative": 0.25, "right": 20.0, "wrong": 40.0}


def test_a_label_between_counts_as_its_share_of_each() -> None:
    """Half right is half a right one and half a wrong one."""
    held, random = np.array([1.0] * 30 + [-1.0] * 10), np.ones(40, bool)

    rates = error_rates(held, np.full(40, 0.5), random)

    assert rates is not None
    assert (rates["false_positive"], rates["false_negative"]) == pytest.approx((0.75, 0.25))


def test_few_labels_give_no_rates() -> None:
    """Nor do labels of one kind, or a fit without held-out scores."""
    many, held = np.array([1.0] * 30 + [0.0] * 9), np.ones(39)

    assert error_rates(held, many, np.ones(39, bool)) is None
    assert error_rates(None, many, np.ones(39, bool)) is None
