"""Columns of numbers that are no scores by their content."""

from __future__ import annotations

import numpy as np
import pytest

from assay.service.score_files.columns.column_content import (
    copies_labels,
    not_scores,
    query_starts,
)

RANDOM = np.random.default_rng(0)
QUERIES = np.repeat(np.arange(12), 4)
STARTS = query_starts(QUERIES)
SCORES = RANDOM.normal(size=48)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (1_700_000_000 + SCORES * 1000, "times"),
        ((1_700_000_000 + SCORES * 1000) * 1000, "times"),
        (np.array([20240131.0, 20231201.0]), "times"),
        (np.arange(48.0), "numbers of the rows"),
        (np.cumsum(RANDOM.integers(1, 9, 48)).astype(float), "numbers of the rows"),
        (np.cumsum(RANDOM.random(48) + 0.01), "a clock"),
        (np.tile(np.arange(4.0), 12), "numbers of the candidates"),
        (np.tile(np.arange(1.0, 5.0), 12), "numbers of the candidates"),
        (RANDOM.permutation(12)[QUERIES].astype(float), "numbers of the queries"),
    ],
    ids=["seconds", "milliseconds", "days", "rows", "gaps", "clock", "from-0", "from-1", "queries"],
)
def test_counters_and_times_are_no_scores(values: np.ndarray, what: str) -> None:
    """Under whatever name."""
    assert str(not_scores(values, STARTS)).startswith(what)


@pytest.mark.parametrize(
    "values",
    [
        SCORES,
        (SCORES > 0).astype(float),
        RANDOM.integers(1, 6, 48).astype(float),
        np.full(48, 7.0),
        1000 + SCORES,
        np.where(SCORES > 1, np.nan, SCORES),
        np.array([1.0, 2.0, 3.0]),
    ],
    ids=["normal", "flags", "ratings", "constant", "rewards", "gaps", "few"],
)
def test_scores_may_be_verifiers(values: np.ndarray) -> None:
    """Verdicts, ratings, rewards of any size; a few rows say nothing."""
    assert not_scores(values, STARTS) is None


def test_queries_whose_rows_stand_apart_have_no_starts() -> None:
    """A place within a query then has no meaning."""
    assert STARTS is not None
    assert STARTS.tolist() == list(range(0, 48, 4))
    assert query_starts(np.array(["a", "b", "a"])) is None


LABELS = (RANDOM.random(200) < 0.4).astype(float)


@pytest.mark.parametrize(
    "turn", [lambda x: x, lambda x: 1 - x, lambda x: 5 * x, lambda x: 2 * x - 1]
)
def test_a_copy_of_the_labels_is_known(turn: object) -> None:
    """Turned around, in another scale, and with some errors."""
    copy = np.where(np.arange(200) % 20 == 0, 1 - LABELS, LABELS)

    assert copies_labels(turn(copy), LABELS) == pytest.approx(0.95)  # type: ignore[operator]  # a function of the list above


@pytest.mark.parametrize(
    "values",
    [
        (RANDOM.random(200) < 0.4).astype(float),
        np.where(RANDOM.random(200) < 0.2, 1 - LABELS, LABELS),
        LABELS + RANDOM.normal(size=200) / 100,
        np.zeros(200),
    ],
    ids=["noise", "a-good-check", "close", "constant"],
)
def test_a_good_verifier_is_no_copy(values: np.ndarray) -> None:
    """Nor is a column that always says the more frequent label."""
    assert copies_labels(values, LABELS) is None


def test_few_labels_do_not_tell() -> None:
    """Nine of them, or of one class."""
    assert copies_labels(LABELS[:9], LABELS[:9]) is None
    assert copies_labels(np.r_[np.ones(1), np.zeros(19)], np.zeros(20)) is None
