"""Chances to be labelled."""

from __future__ import annotations

import numpy as np

from assay.aggregation.comparison.label_chances import chances_between, chances_within, uneven

CODES = np.repeat(np.arange(3), 4)
EVERY = np.ones(12, bool)


def test_candidates_drawn_within_queries_have_the_share_that_is_labelled() -> None:
    """k/n; a query without labels has no chance."""
    labelled = np.array([1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    picks = np.array([0, 0, 0, 1] * 3, bool)

    chances = chances_within(labelled, picks, EVERY, CODES)

    assert not chances.whole
    assert chances.chance.tolist() == [0.25] * 4 + [0.5] * 4 + [0] * 4


def test_labelled_picks_were_drawn_by_query() -> None:
    """If each labelled query has a label of all that counts, the queries were drawn: chance 1."""
    picks = np.array([0, 0, 0, 1] * 3, bool)
    labelled = np.array([0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0], bool)

    chances = chances_within(labelled, picks, EVERY, CODES)

    assert chances.whole
    assert (chances.chance == 1).all()


def test_a_system_is_judged_by_its_own_candidates() -> None:
    """Labels of the other system's candidates change nothing."""
    pool = np.array([1, 1, 0, 0] * 3, bool)
    labelled = np.array([1, 0, 1, 1] * 3, bool)

    chances = chances_within(labelled, pool, pool, CODES)

    assert chances.chance.tolist() == [0.5, 0.5, 1, 1] * 3


def test_labels_that_lie_only_where_systems_differ_were_not_drawn_alike() -> None:
    """Ten of ten in a fifth of the queries; two of two may be chance."""
    differ = np.arange(100) < 20

    assert uneven(np.arange(100) < 10, differ)
    assert not uneven(np.arange(100) < 2, differ)
    assert not uneven(np.arange(100) % 10 == 0, differ)
    assert not uneven(np.zeros(100, bool), differ)
    assert not uneven(np.arange(100) < 10, np.ones(100, bool))


def test_the_chance_of_each_kind_of_query_is_its_share_of_labelled_ones() -> None:
    """NaN for a kind without labels."""
    differ = np.array([True, True, False, False])

    assert chances_between(np.array([True, False, True, True]), differ).tolist() == [0.5, 0.5, 1, 1]
    lacking = chances_between(np.array([True, True, False, False]), differ)
    assert lacking[:2].tolist() == [1, 1]
    assert np.isnan(lacking[2:]).all()
