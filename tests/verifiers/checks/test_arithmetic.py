"""The verifiers that need no server."""

from __future__ import annotations

import time

import pytest

from assay.verifiers import Status
from assay.verifiers.checks.answers.bearing import BEARING_RULES
from assay.verifiers.checks.answers.equations import (
    STATEMENT,
    evaluate_expression,
    holds,
    statements,
)
from assay.verifiers.checks.arithmetic import ArithmeticSettings
from tests.support.verifiers.check_verdicts import MATHS, verdicts_of


@pytest.mark.parametrize(("left", "right", "expected"), [
    ("3 + 4", "7", True), ("3 + 4", "8", False), ("2 + 3 * 4", "14", True), ("10 / 4", "2.5", True), ("10 / 3", "3.33", True),
    ("10 / 3", "3.34", False), ("1,200 - 200", "1,000", True), ("$5 + $5", "$10", True), ("5 × 6", "30", True),
    ("6 x 7", "42", True), ("3 apples + 4 apples", "7", True), ("8 - 3 - 2", "3", True), ("-3 + 5", "2", True), ("4 / 0", "1", None),
    ("2 \\times 3", "6", True), ("8 - 10", "-2", True), ("12 ÷ 4 + 1", "4", True),
])  # fmt: skip
def test_arithmetic_is_computed_again(left: str, right: str, expected: bool | None) -> None:
    """Products first, rounded results to the digits given; a division by zero says nothing."""
    assert holds(left, right) is expected


def test_numbers_are_exact() -> None:
    """0.1 + 0.2 is 0.3."""
    assert holds("0.1 + 0.2", "0.3") is True
    assert evaluate_expression("7") == 7


async def test_the_share_of_true_statements_is_the_score() -> None:
    """None where nothing is computed: missing, not low."""
    right, half, none, empty = await verdicts_of(
        "arithmetic", ["3 + 4 = 7.", "3 + 4 = 7 and 2 * 3 = 5", "It is seven.", ""], MATHS
    )

    assert (right.score, half.score) == (1.0, 0.5)
    assert (none.score, none.status) == (empty.score, empty.status) == (None, Status.NOT_APPLICABLE)


@pytest.mark.parametrize(
    "text", ["1 + 2 = 3 = 4", "x = 3 + 4", "2^3 + 1 = 9", "f(2) + 3 = 5", "1.5.2 + 1 = 3"]
)
async def test_what_is_no_plain_statement_does_not_count_against_a_candidate(text: str) -> None:
    """Powers, functions and odd numbers are left alone."""
    [verdict] = await verdicts_of("arithmetic", [text], MATHS)

    assert verdict.score in (None, 1.0)


@pytest.mark.parametrize(
    "text", ["1 + " * 50_000, "9" * 200_000, "1 + 1 = " * 20_000, "- " * 100_000, "1,000" * 40_000]
)
async def test_hostile_text_takes_no_time(text: str) -> None:
    """The patterns are linear; a quadratic one would take minutes here."""
    started = time.process_time()

    await verdicts_of("arithmetic", [text], MATHS)
    await verdicts_of("completeness", [text], MATHS)

    assert time.process_time() - started < 20


@pytest.mark.parametrize("lead", [0, 8180, 8192, 8200, 16_380])
def test_statements_are_found_wherever_a_search_begins_anew(lead: int) -> None:
    """Also across the place where one ends and the next begins, and as one search would find
    them.
    """
    text = (
        "x" * lead + " 3 + 4 = 7. then 2 * 3 = 6 and 10 / 4 = 2.5, " + "-1 " * 3000 + " 1 + 1 = 2"
    )

    assert [found.group() for found in statements(text)] == [
        found.group() for found in STATEMENT.finditer(text)
    ]


@pytest.mark.parametrize(("text", "score"), [
    ("The answer is 7.", 1.0), ("3 + 4 = 7. The answer is 7.", 1.0), ("The answer is 8.", 0.0),
    ("1 + 1 = 2. 2 + 2 = 4. The answer is 8.", 0.0), ("Seven.", None),
])  # fmt: skip
async def test_added_equations_do_not_make_an_answer_right(text: str, score: float | None) -> None:
    """With `counts: answer`, the query's own sum decides."""
    [verdict] = await verdicts_of("arithmetic", [text], MATHS, counts="answer")

    assert verdict.score == score


def test_the_default_keeps_the_scores_of_before() -> None:
    """A setting that is not used is no part of a score's name."""
    plain, chosen = (
        ArithmeticSettings.model_validate({"name": "a", **options})
        for options in ({}, {"counts": "answer"})
    )

    assert plain.scoring_parameters() == {}
    assert chosen.scoring_parameters() == {"counts": "answer", "rules": BEARING_RULES}
