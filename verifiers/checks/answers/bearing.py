"""What equations say of a candidate's answer: which lead to it, and what the query's own sum is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from assay.verifiers.checks.answers.answer_equality import distinct_answers
from assay.verifiers.checks.answers.equations import (
    NUMBER_PATTERN,
    OPERATOR,
    TERM,
    UNIT,
    evaluate_expression,
    holds,
    number_of,
    statements,
)

#: A query that is a sum and nothing else, but for words on the form of the answer.
ASKED_SUM = re.compile(
    r"(?is)\s{0,20}(?:(?:what(?:['’]s| is| does)|how much is|calculate|compute|evaluate|work out"
    r"|find|solve|simplify)(?: the (?:value|result|sum|product) of)?:?\s{1,20})?"
    rf"(?P<sum>{NUMBER_PATTERN}{UNIT}(?:{OPERATOR}{NUMBER_PATTERN}{UNIT}){{1,8}})"
    r"\s{0,4}(?:=\s{0,4}\?{0,3}|equal)?\s{0,4}[?.!]{0,3}(?:\s[^\d]{0,400})?"
)
LONGEST_ASKED = 1000
#: Numbers of a query that an equation may begin with; a query of more is no word problem.
MOST_NUMBERS, SEARCHED = 200, 20_000
LEADING = re.compile(rf"\W{{0,4}}({NUMBER_PATTERN})(?!\.{{0,3}}\d)")
#: How far a rounded answer may be from a value that is no whole number.
ROUNDED = Fraction(1, 200)


@dataclass(frozen=True, slots=True)
class StatedNumber:
    """The number that a candidate states as its answer."""

    value: Fraction

    def equals(self, value: Fraction) -> bool:
        """Return whether it is a value, or a value that is no whole number as rounded."""
        if value.denominator == 1:
            return self.value == value
        return abs(self.value - value) <= ROUNDED


def asked_value(query: str) -> Fraction | None:
    """Return the value of the sum that a query asks for; None if it asks for anything else."""
    match = ASKED_SUM.fullmatch(query) if len(query) <= LONGEST_ASKED else None
    return None if match is None else evaluate_expression(match["sum"])


def stated_value(text: str) -> StatedNumber | None:
    """Return the number that a candidate states as its answer, units aside; None without one."""
    [key] = distinct_answers([text], mathematical=True)
    if isinstance(key, tuple):
        number = key[1]
        finite = isinstance(number, int | Fraction) or (number == number and abs(number) < 1e300)
        return StatedNumber(Fraction(number).limit_denominator(10**9)) if finite else None
    leading = LEADING.match(key) if isinstance(key, str) else None
    return None if leading is None else StatedNumber(number_of(leading[1]))


def bearing_share(query: str, text: str, stated: StatedNumber | None) -> float | None:
    """Return the share of true equations among those that begin with the query's numbers.

    A number of the query, or the result of such an equation, must stand on the left side; false
    equations always count. None where nothing bears on the answer: no equation leads to it, and
    none is false. At most 1/2 where one is false and none leads to it.
    """
    reached = {number_of(match[1]) for match in _numbers(query)}
    equations = {statement.groups(): None for statement in statements(text)}
    true, false, leads = 0, 0, False
    for expression, result in equations:
        truth = holds(expression, result)
        bears = any(number_of(term[1]) in reached for term in TERM.finditer(expression))
        if truth is None or (truth and not bears):
            continue
        true, false = true + truth, false + (not truth)
        if bears:
            reached.add(number_of(result))
        if truth and stated is not None and stated.equals(number_of(result)):
            leads = True
    if not false:
        return 1.0 if leads else None
    share = true / (true + false)
    return share if leads else min(share, 0.5)


def _numbers(query: str) -> list[re.Match[str]]:
    return list(TERM.finditer(query[-SEARCHED:]))[:MOST_NUMBERS]
