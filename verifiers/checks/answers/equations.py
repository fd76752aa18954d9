"""Equations in a text, `a op b = c`, computed again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

NUMBER_PATTERN = r"[-−]?[$€£]?\d{1,15}(?:,\d{3}){0,4}(?:\.\d{1,12})?"
UNIT = r"(?:\s{0,3}(?:%|(?!x\b)[A-Za-z]{1,20}))?"
OPERATOR = r"\s{0,3}(?:[-+*/×÷−x]|\\times|\\div)\s{0,3}"
STATEMENT = re.compile(
    rf"(?<![\w.^])({NUMBER_PATTERN}{UNIT}(?:{OPERATOR}{NUMBER_PATTERN}{UNIT}){{1,8}})"
    rf"\s{{0,3}}=\s{{0,3}}({NUMBER_PATTERN})(?![\d.]*[\w^(*/×÷])"
)
#: Characters of a search, and more than a statement can have.
STATEMENT_WINDOW, LONGEST_STATEMENT = 8192, 2048
TERM = re.compile(rf"({NUMBER_PATTERN}){UNIT}")
SIGN = re.compile(r"[-+*/×÷−x]|\\times|\\div")
OPERATIONS = {"×": "*", "x": "*", "\\times": "*", "÷": "/", "\\div": "/", "−": "-"}


def statements(text: str) -> Iterator[re.Match[str]]:
    """Yield every statement of a text.

    A search looks at a few thousand characters, since it holds the interpreter meanwhile.
    """
    place = 0
    while place < len(text):
        end = place + STATEMENT_WINDOW
        match = STATEMENT.search(text, place, end + LONGEST_STATEMENT)
        if match is None or match.start() >= end:
            place = end
        else:
            yield match
            place = match.end()


def holds(expression: str, result: str) -> bool | None:
    """Return whether the left side equals the right; None without a value (a division by zero).

    Rounded results count: 10 / 3 = 3.33 holds, to the given digits.
    """
    value = evaluate_expression(expression)
    if value is None:
        return None
    digits = len(result.partition(".")[2])
    return (
        abs(value - number_of(result)) <= Fraction(1, 2 * 10**digits)
        if digits
        else value == number_of(result)
    )


def evaluate_expression(text: str) -> Fraction | None:
    """Return the value of an expression, products first; None for a division by zero."""
    terms, signs = [], []
    place = 0
    while match := TERM.match(text, place):
        terms.append(number_of(match.group(1)))
        sign = SIGN.search(text, match.end())
        if sign is None:
            break
        signs.append(OPERATIONS.get(sign.group(), sign.group()))
        place = sign.end()
        place += len(text) - place - len(text[place:].lstrip())
    total, product, pending = Fraction(0), terms[0], 1
    for sign_, term in zip(signs, terms[1:], strict=True):
        if sign_ == "*":
            product *= term
        elif sign_ == "/":
            if term == 0:
                return None
            product /= term
        else:
            total += pending * product
            product, pending = term, 1 if sign_ == "+" else -1
    return total + pending * product


def number_of(text: str) -> Fraction:
    """Return the value of a number of `NUMBER_PATTERN`."""
    return Fraction(re.sub(r"[,$€£]", "", text).replace("−", "-"))
