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
#: Counted up whenever a text may get another score than before: kept scores are then asked for
#: again.
BEARING_RULES = 2
#: Numbers and the words that bring them along: counts, parts, and what units consist of.
IN_WORDS = {
    0: "zero",
    1: "one once",
    2: "two twice double doubles half halves pair pairs both second average square perimeter"
    " rectangle triangle",
    3: "three triple triples third thirds average",
    4: "four quarter quarters fourth average square perimeter",
    5: "five fifth average",
    6: "six sixth",
    7: "seven week weeks weekly day days daily",
    8: "eight eighth",
    9: "nine",
    10: "ten tenth",
    11: "eleven",
    12: "twelve dozen dozens year years foot feet inches month months",
    20: "twenty",
    24: "day days hours",
    30: "thirty month months",
    40: "forty",
    50: "fifty",
    52: "week weeks weekly year years",
    60: "sixty hour hours minute minutes seconds",
    100: "hundred percent percentage % cents dollars",
    365: "year years daily days",
    1000: "thousand kilometre kilometres kilogram kilograms km kg",
}
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
    equations always count. Equations lead to the answer only where they use all of the query's
    numbers, and no others: "2 + 3 = 5" is true in any problem with a 2 in it. None where nothing
    bears on the answer: no equations lead to it, and none is false. At most 1/2 where one is false
    and none lead to it.
    """
    written = [number_of(match[1]) for match in _numbers(query)]
    reached = {*written, *_spelled_out(query)}
    derived, used = set(reached), set[Fraction]()
    equations = {statement.groups(): None for statement in statements(text)}
    true, false, leads = 0, 0, False
    for expression, result in equations:
        truth, terms = (
            holds(expression, result),
            {number_of(term[1]) for term in TERM.finditer(expression)},
        )
        bears = not terms.isdisjoint(reached)
        if truth is None or (truth and not bears):
            continue
        true, false = true + truth, false + (not truth)
        if bears:
            reached.add(number_of(result))
        if truth and terms <= derived:
            derived.add(number_of(result))
            used |= terms
            leads = leads or (stated is not None and stated.equals(number_of(result)))
    leads = leads and all(number in used for number in written if not _is_year(number))
    if not false:
        return 1.0 if leads else None
    share = true / (true + false)
    return share if leads else min(share, 0.5)


def _numbers(query: str) -> list[re.Match[str]]:
    return list(TERM.finditer(query[-SEARCHED:]))[:MOST_NUMBERS]


def _spelled_out(query: str) -> set[Fraction]:
    """Return the numbers that a query has in words, and those that its units bring along."""
    words = set(re.findall(r"[a-z]+|%", query[-SEARCHED:].lower()))
    return {
        Fraction(number)
        for number, bringing in IN_WORDS.items()
        if not words.isdisjoint(bringing.split())
    }


def _is_year(number: Fraction) -> bool:
    return number.denominator == 1 and 1900 <= number <= 2100
