"""The order of candidates."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.ranking import order


def test_equal_candidates_go_by_their_keys_and_unknown_ones_come_last() -> None:
    """Whatever place they have in the request."""
    log_odds = np.array([0.5, np.nan, 2.0, 0.5])

    assert order(log_odds, lambda: [9, 0, 0, 1]) == [2, 3, 0, 1]


def test_keys_are_not_made_where_no_two_are_equal() -> None:
    """They cost a hash of every text."""
    assert order(np.array([1.0, 3.0, 2.0]), lambda: pytest.fail("made")) == [1, 2, 0]
