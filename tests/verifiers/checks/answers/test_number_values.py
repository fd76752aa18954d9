"""The values of numbers, however they are written."""

from __future__ import annotations

from fractions import Fraction

import pytest

from assay.verifiers.checks.answers.number_values import (
    LONGEST_NUMBER,
    number_in,
    number_key,
    value_of,
)


@pytest.mark.parametrize(("answer", "value"), [
    ("1/2", Fraction(1, 2)), ("0.5", Fraction(1, 2)), (".5", Fraction(1, 2)), (r"\frac{1}{2}", Fraction(1, 2)), (r"\dfrac12", Fraction(1, 2)),
    ("50%", Fraction(1, 2)), (r"50\%", Fraction(1, 2)), ("50 percent", Fraction(1, 2)), ("$-\\frac{3}{4}$", Fraction(-3, 4)), ("**−7**", -7),
    ("1,234,567", 1234567), ("1{,}000", 1000), (r"1\frac{1}{2}", Fraction(3, 2)), (r"5\times 10^{-1}", Fraction(1, 2)), ("1e3", 1000), ("$12.50", Fraction(25, 2)), ("{7}", 7), ("7.", 7),
])  # fmt: skip
def test_a_number_has_its_value_however_it_is_written(answer: str, value: Fraction | int) -> None:
    """A percentage is its hundredth part."""
    assert number_in(answer) == value


@pytest.mark.parametrize("answer", ["", "Paris", "7 metres", "1/0", "1,2", "(1, 2)", "x", "3-4", "1/2/3", "--7", "9" * (LONGEST_NUMBER + 1)])  # fmt: skip
def test_what_is_more_than_one_number_has_no_value(answer: str) -> None:
    """It is compared as text."""
    assert number_in(answer) is None


def test_equal_values_share_a_key_and_others_do_not() -> None:
    """Whole numbers exactly, others to six digits: also small ones, and those beyond floats."""
    third = number_key(Fraction(1, 3))

    assert third == number_key(0.333333) == number_key(0.33333333)
    assert third != number_key(0.333)
    assert number_key(2) == number_key(2.0) == number_key(Fraction(4, 2))
    assert number_key(10**400) != number_key(10**400 + 1)
    assert number_key(1e-7) != number_key(2e-7)
    assert number_key(Fraction(10**400 + 1, 2)) == number_key(Fraction(10**400 + 1, 2))


def parsed(answer: str) -> object:
    """Return the expression that math-verify reads."""
    math_verify = pytest.importorskip("math_verify")
    return math_verify.parse(f"\\boxed{{{answer}}}", parsing_timeout=30)[0]


@pytest.mark.parametrize(("answer", "value"), [
    (r"50\%", 0.5), (r"\frac{2}{\sqrt{2}}", 2**0.5), (r"10^{3}", 1000), (r"x = \frac{1}{4}", 0.25), (r"2\pi", 6.283185307179586), (r"\sin(\pi/6)", 0.5), ("5!", 120),
    (r"2^{10^{10}}", float("inf")), (r"\frac{1}{0}", None), (r"\sqrt{-1}", None), ("x+1", None), ("(1,2)", None),
])  # fmt: skip
def test_an_unevaluated_expression_has_its_value(answer: str, value: float | None) -> None:
    """Without symbolic mathematics: a power beyond all floats does not take for ever."""
    assert value_of(parsed(answer)) == (value if value is None else pytest.approx(value))


def test_an_expression_of_too_many_parts_has_no_value() -> None:
    """However simple they are."""
    assert value_of(parsed("+".join(["0.5"] * 300))) is None
