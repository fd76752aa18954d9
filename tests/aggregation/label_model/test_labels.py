"""Labels as they come in."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.labels import count, parse_labels

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
    """25, five of each class, half of them random."""
    labels = np.array([1.0] * 5 + [0.0] * 20)
    assert count(labels, None).calibrated
    assert count(labels[:-1], None).why_not == "24 labels: it takes 25"
    assert "5 of each" in str(count(np.array([1.0] * 4 + [0.0] * 21), None).why_not)
    assert "random" in str(count(labels, np.arange(25) < 12).why_not)
