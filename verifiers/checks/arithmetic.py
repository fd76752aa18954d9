"""A check that needs no model: every `a op b = c` in the candidate is computed again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Pair, Status, Verdict
from assay.verifiers.safety.invisible import as_read

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


class ArithmeticSettings(VerifierSettings):
    """The arithmetic check; it has no settings of its own."""

    kind: Literal["arithmetic"] = "arithmetic"


class Arithmetic(LocalVerifier):
    """The share of a candidate's arithmetic statements that are true; needs at least one."""

    def _score_one(self, pair: Pair) -> Verdict:
        truths = [holds(*statement.groups()) for statement in statements(as_read(pair.candidate))]
        decided = [truth for truth in truths if truth is not None]
        if not decided:
            return Verdict(None, Status.NOT_APPLICABLE, "no arithmetic in the candidate")
        return Verdict(sum(decided) / len(decided))


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
        abs(value - _number(result)) <= Fraction(1, 2 * 10**digits)
        if digits
        else value == _number(result)
    )


def evaluate_expression(text: str) -> Fraction | None:
    """Return the value of an expression, products first; None for a division by zero."""
    terms, signs = [], []
    place = 0
    while match := TERM.match(text, place):
        terms.append(_number(match.group(1)))
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


def _number(text: str) -> Fraction:
    return Fraction(re.sub(r"[,$€£]", "", text).replace("−", "-"))
