"""The formula of a multi grader."""

from __future__ import annotations

import pytest

from assay.service.importers.graders.formula import LONGEST_FORMULA, weights_of


@pytest.mark.parametrize(
    ("formula", "weights"),
    [
        ("0.7 * a + 0.3 * b", {"a": 0.7, "b": 0.3}),
        ("(a + b) / 4", {"a": 0.25, "b": 0.25}),
        ("a", {"a": 1.0}),
        ("a * 2 + 3 * (b + c)", {"a": 2.0, "b": 3.0, "c": 3.0}),
    ],
)
def test_a_weighted_sum(formula: str, weights: dict[str, float]) -> None:
    """Each grader has its weight."""
    assert weights_of(formula) == weights


@pytest.mark.parametrize(
    "formula",
    [
        *("a * b", "a - b", "max(a, b)", "a + a", "a + 1", "0 * a", "-1 * a", "a / 0", "", "a +"),
        *("'x'", "True * a", "__import__('os')"),
        pytest.param("(" * 900 + "a" + ")" * 900, id="deep"),
        pytest.param("a" * (LONGEST_FORMULA + 1), id="long"),
    ],
)
def test_another_formula_gives_no_weights(formula: str) -> None:
    """Nothing of it is run."""
    assert weights_of(formula) is None
