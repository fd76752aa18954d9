"""The values of numbers that are written in different ways: 1/2, 0.5, 50 %, \\frac{1}{2}."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import Any

Number = int | float | Fraction

#: Decimals (and significant digits, of smaller numbers) that two values share if they are equal.
DECIMALS = 6
#: Characters of an answer that may be one number.
LONGEST_NUMBER = 320
#: Larger exact powers, and expressions of more parts, are not computed.
MOST_BITS, MOST_PARTS, DEEPEST = 4096, 200, 40
LARGEST_FACTORIAL = 300
#: Functions of constants in math-verify's expressions, by the name of their class.
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "Abs": abs,
    "acos": math.acos,
    "asin": math.asin,
    "atan": math.atan,
    "cos": math.cos,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "tan": math.tan,
}

_DIGITS = r"(?:\d{1,3}(?:(?:,|\\,|\{,\})\d{3})+|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_PLAIN = rf"(?P<plain>{_DECIMAL})(?:\s{{0,4}}(?:[eE]|(?:\*|×|\\times|\\cdot)\s{{0,4}}10\s{{0,4}}\^)\s{{0,4}}\{{?(?P<power>[-+−]?\d{{1,2}})\}}?)?"  # noqa: E501
_QUOTIENT = rf"(?P<over>{_DECIMAL})\s{{0,4}}/\s{{0,4}}(?P<under>{_DECIMAL})"
_FRACTION = r"(?:(?P<whole>\d+)\s{0,4})?\\[dtc]?frac\s{0,4}(?:\{\s{0,4}(?P<top>[-+−]?[\d.]+)\s{0,4}\}\s{0,4}\{\s{0,4}(?P<bottom>[-+−]?[\d.]+)\s{0,4}\}|(?P<top1>\d)\s{0,4}(?P<bottom1>\d))"  # noqa: E501
NUMBER = re.compile(
    rf"(?P<sign>[-+−]?)\s{{0,4}}(?:{_FRACTION}|{_QUOTIENT}|{_PLAIN})\s{{0,4}}(?P<percent>%|percent\b|per cent\b)?"  # noqa: E501
)
#: Characters that surround a number and do not change it.
ORNAMENTS = re.compile(r"\\(?:left|right|displaystyle|text|mathrm|!|;|\(|\)|\[|\]|(?=[%$]))|[$*_`]")


def number_in(answer: str) -> Number | None:
    """Return the value of an answer that is one number and nothing else; None for any other.

    A percentage is its hundredth part.
    """
    if len(answer) > LONGEST_NUMBER:
        return None
    bare = ORNAMENTS.sub("", answer).strip()
    while bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1].strip()
    match = NUMBER.fullmatch(bare.rstrip(".!,;: "))
    if match is None:
        return None
    try:
        value = _magnitude(match)
    except (ValueError, ZeroDivisionError):
        return None
    value = -value if match["sign"] in {"-", "−"} else value
    return value / 100 if match["percent"] else value


def _magnitude(match: re.Match[str]) -> Fraction:
    if match["plain"]:
        return _fraction(match["plain"]) * Fraction(10) ** int(
            (match["power"] or "0").replace("−", "-")
        )
    if match["over"]:
        return _fraction(match["over"]) / _fraction(match["under"])
    quotient = _fraction(match["top"] or match["top1"]) / _fraction(
        match["bottom"] or match["bottom1"]
    )
    return int(match["whole"] or 0) + quotient


def _fraction(digits: str) -> Fraction:
    bare = re.sub(r"[,{}\\]", "", digits).replace("−", "-")
    return Fraction(bare + "0" if bare.endswith(".") else bare)


def number_key(value: Number) -> Hashable:
    """Return a key that equal values share: whole numbers exactly, others to six digits."""
    if isinstance(value, int) or (isinstance(value, Fraction) and value.denominator == 1):
        return ("number", int(value))
    try:
        inexact = float(value)
    except OverflowError:
        return ("number", value)
    if not inexact or not math.isfinite(inexact):
        return ("number", inexact)
    size = math.floor(math.log10(abs(inexact)))
    return ("number", round(inexact, max(DECIMALS, DECIMALS - 1 - size)))


def value_of(expression: Any) -> Number | None:
    """Return the value of an expression of math-verify's that it left unevaluated.

    None for one without a real value (it has unknowns, is a set, or too long); infinite beyond all
    floats. `x = 3` has the value of its right side. No symbolic mathematics: it takes time in
    proportion to the expression.
    """
    if getattr(expression, "is_Equality", False) and expression.lhs.is_Symbol:
        expression = expression.rhs
    try:
        value = _Evaluation().of(expression, 0)
        return None if math.isnan(value) else value
    except OverflowError:
        return math.inf
    except (ArithmeticError, ValueError, _NoValueError):
        return None


class _NoValueError(Exception):
    """An expression has too many parts, or some of a kind that has no value."""


class _Evaluation:
    """Computes one expression, of a bounded number of parts."""

    def __init__(self) -> None:
        self._parts = 0

    def of(self, expression: Any, depth: int) -> Number:
        """Return the value; raise `_NoValueError`, or an error of arithmetic, without one."""
        self._parts += 1
        if self._parts > MOST_PARTS or depth > DEEPEST:
            raise _NoValueError
        if (number := _literal(expression)) is not None:
            return number
        values = [self.of(part, depth + 1) for part in getattr(expression, "args", ())]
        kind = type(expression).__name__
        if kind == "Add" and values:
            return sum(values[1:], values[0])
        if kind == "Mul" and values:
            return math.prod(values[1:], start=values[0])
        if kind == "Pow" and len(values) == 2:
            return _power(*values)
        if kind == "UnevaluatedExpr" and len(values) == 1:
            return values[0]
        if kind in FUNCTIONS and len(values) == 1:
            return FUNCTIONS[kind](float(values[0]))
        if kind == "factorial" and len(values) == 1 and 0 <= values[0] <= LARGEST_FACTORIAL:
            return math.factorial(int(values[0]))
        raise _NoValueError


def _literal(expression: Any) -> Number | None:
    """Return the value of a number that is written as such; None for anything else."""
    if getattr(expression, "is_Integer", False):
        return int(expression)
    if getattr(expression, "is_Rational", False):
        return Fraction(int(expression.p), int(expression.q))
    if getattr(expression, "is_Float", False) or getattr(expression, "is_NumberSymbol", False):
        return float(expression)
    return None


def _power(base: Number, exponent: Number) -> Number:
    """Return a power: exact where that is small; raise an error where not real."""
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        exponent = int(exponent)
    if isinstance(exponent, int) and not isinstance(base, float):
        exact = Fraction(base)
        bits = max(exact.numerator.bit_length(), exact.denominator.bit_length())
        if bits * abs(exponent) <= MOST_BITS:
            return exact**exponent
    return math.pow(base, exponent)  # raises ValueError where the power is not real
