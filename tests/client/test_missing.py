"""What stands for a reward that no verifier could give."""

from __future__ import annotations

import math

import pytest
from assay_client import NoScoreError
from assay_client.missing import Missing, filled, missing_of


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("skip", [0.2, None, 0.6]),
        ("group_mean", [0.2, pytest.approx(0.4), 0.6]),
        (0.5, [0.2, 0.5, 0.6]),
        (0, [0.2, 0.0, 0.6]),
    ],
)
def test_gaps_are_filled(missing: Missing, expected: list[float | None]) -> None:
    """As stated, and nothing else is touched."""
    assert filled([0.2, None, 0.6], missing) == expected
    assert filled([0.2, 0.6], missing) == [0.2, 0.6]


def test_raise_says_how_many_and_where() -> None:
    """And what to state instead."""
    with pytest.raises(NoScoreError, match=r"2 of 3 .* number 1.*`missing`"):
        filled([0.1, None, None], "raise")
    assert filled([0.1, 0.2], "raise") == [0.1, 0.2]


def test_a_prompt_without_any_score_has_no_mean() -> None:
    """It is left out as the trainer leaves one out."""
    [first, second] = filled([None, None], "group_mean", math.nan)
    assert first is not None
    assert second is not None
    assert math.isnan(first + second)


def test_what_is_stated_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument before environment before default; what the trainer cannot do has its reason."""
    monkeypatch.delenv("ASSAY_MISSING", raising=False)
    assert missing_of(None, "skip", {}) == "skip"
    monkeypatch.setenv("ASSAY_MISSING", "0.25")
    assert missing_of(None, "skip", {}) == 0.25
    assert missing_of("group_mean", "skip", {}) == "group_mean"
    with pytest.raises(ValueError, match=r"missing='skip': no way"):
        missing_of("skip", "raise", {"skip": "no way"})
    for wrong in ("median", "nan", True, math.inf):
        with pytest.raises(ValueError, match="raise, skip, group_mean, or a number"):
            missing_of(wrong, "raise", {})
