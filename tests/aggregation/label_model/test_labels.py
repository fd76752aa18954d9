"""Labels as they come in."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.labels import LabelCounts, count, parse_labels

NAN = np.nan


def test_labels_of_any_kind() -> None:
    """-1 and NaN are unknown, values between are soft, others are refused with their row."""
    assert parse_labels([True, False], 2).tolist() == [1, 0]
    assert parse_labels(np.array([1, 0, -1], np.int8), 3).tolist()[:2] == [1, 0]
    assert np.isnan(parse_labels([0.3, NAN, -1], 3)).tolist() == [False, True, True]
    for wrong in ([0, 2], [0, -3], [1, np.inf]):
        with pytest.raises(ValueError, match="row 1"):
            parse_labels(wrong, 2)
    with pytest.raises(ValueError, match="one a row"):
        parse_labels([1], 2)
    with pytest.raises(ValueError, match="numbers"):
        parse_labels(["yes", "no"], 2)


def test_when_labels_calibrate() -> None:
    """25 random ones, which are half of all, and five of each class."""
    labels = np.array([1.0] * 5 + [0.0] * 20)
    assert count(labels, None).calibrated
    assert count(labels[:-1], None).why_not == "24 labels: it takes 25"
    assert "5 of each" in str(count(np.array([1.0] * 4 + [0.0] * 21), None).why_not)
    assert "random" in str(count(labels, np.arange(25) < 24).why_not)
    many = np.array([1.0] * 20 + [0.0] * 40)
    assert "25" in str(count(many, np.arange(60) < 24).why_not)
    assert "half" in str(count(many, np.arange(60) < 29).why_not)
    assert count(many, np.arange(60) < 30).calibrated


@pytest.mark.parametrize(
    ("values", "random", "base_rate"),
    [
        ([1.0] * 97 + [0.0] * 163, None, 97 / 260),
        ([1.0] * 10 + [0.0] * 20 + [1.0] * 30, 30, 1 / 3),
        ([0.25] * 40, None, 0.25),
        ([1.0, 0.0, 1.0], 2, 2 / 3),
    ],
)
def test_labels_say_how_many_are_correct(
    values: list[float], random: int | None, base_rate: float
) -> None:
    """Chosen candidates say nothing of the others, once enough were drawn at random."""
    drawn = None if random is None else np.arange(len(values)) < random
    counts = count(np.array(values), drawn)

    assert counts.base_rate == pytest.approx(base_rate)
    assert (counts + counts).base_rate == pytest.approx(base_rate)
    assert LabelCounts().base_rate is None
    assert LabelCounts(60, 40.0, 30, None).base_rate == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([0.5] * 40, "decide 0 times for correct and 0 times for wrong"),
        ([0.45, 0.55] * 30, "decide 3 times for correct and 3 times for wrong"),
        ([1.0] * 30 + [0.5] * 30, "decide 30 times for correct and 0 times for wrong"),
        ([1.0, 0.0] * 6 + [0.5] * 60, "12 of 72 labels drawn at random are not 0.5"),
    ],
)
def test_labels_that_decide_nothing_do_not_calibrate(values: list[float], reason: str) -> None:
    """Half is no label of either class, and a little more than half is little more of one."""
    counts = count(np.array(values), None)

    assert not counts.calibrated
    assert reason in str(counts.why_not)


@pytest.mark.parametrize("values", [[0.9, 0.1] * 20, [2 / 3, 1 / 3] * 20])
def test_soft_labels_that_decide_calibrate(values: list[float]) -> None:
    """Such as the means of three annotators."""
    counts = count(np.array(values), None)

    assert counts.why_not is None
    assert (counts + counts).calibrated


@pytest.mark.parametrize(
    ("queries", "calibrated"), [(1, False), (4, False), (5, True), (None, True)]
)
def test_labels_of_few_queries_do_not_calibrate(queries: int | None, calibrated: bool) -> None:
    """They say little of others; older files do not know how many there were."""
    counts = count(np.array([1.0, 0.0] * 120), None, queries)

    assert counts.calibrated is calibrated
    assert calibrated or f"of {queries} of the queries: it takes 5" in str(counts.why_not)
