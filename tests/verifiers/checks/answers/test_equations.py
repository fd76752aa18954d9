"""Equations in a text."""

from __future__ import annotations

from fractions import Fraction

from assay.verifiers.checks.answers.equations import number_of, statements


def test_statements_come_in_order_with_both_sides() -> None:
    """Units and words between them aside."""
    text = "3 apples + 4 apples = 7, and 2 x 3 = 6."

    assert [statement.groups() for statement in statements(text)] == [
        ("3 apples + 4 apples", "7"),
        ("2 x 3", "6"),
    ]


def test_a_number_may_have_signs_and_separators() -> None:
    """Its value is exact."""
    assert number_of("−$1,200.5") == Fraction(-2401, 2)
