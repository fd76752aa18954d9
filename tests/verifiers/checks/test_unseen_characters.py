"""Checks without a model: invisible characters are no answer, and change none."""

from __future__ import annotations

import pytest

from assay.verifiers import Status
from assay.verifiers.checks.answers.answer_equality import (
    distinct_answers,
    equals_reference,
    plain_answer,
    same_answers,
)
from assay.verifiers.checks.answers.number_values import number_key
from assay.verifiers.safety.invisible import as_read
from tests.support.verifiers.check_verdicts import verdicts_of
from tests.support.verifiers.unseen_texts import UNSEEN_TEXTS

BENIGN = [
    "family: 👨\u200d👩\u200d👧\u200d👦, and a heart ❤\ufe0f.",
    "می\u200cخواهم پاسخ را بدانم.",
    "क्\u200dष और र्\u200dय है।",
    "cafe\u0301 and e\u0301te\u0301, both with marks.",
    "keycap 5\ufe0f\u20e3 stays.",
    "naïve – “quoted” … text\u00a0here!",
]


@pytest.mark.parametrize(
    "kind", ["completeness", "length", "repetition", "refusal", "arithmetic", "math_answer"]
)
async def test_a_text_that_nobody_sees_scores_as_the_empty_one(kind: str) -> None:
    """Of any property that hides it: ignorable, blank, control, a mark on nothing, private,
    unassigned.
    """
    empty, *verdicts = await verdicts_of(kind, ["", *UNSEEN_TEXTS])

    assert [
        (text, verdict)
        for text, verdict in zip(UNSEEN_TEXTS, verdicts, strict=True)
        if verdict != empty
    ] == []


@pytest.mark.parametrize("kind", ["consensus", "embedding_consensus", "relevance"])
async def test_texts_that_nobody_sees_agree_with_nobody(kind: str) -> None:
    """They are no answer in any number."""
    verdicts = await verdicts_of(kind, [*UNSEEN_TEXTS, "The answer is 8.", "It is 8."])

    assert {(verdict.score, verdict.status) for verdict in verdicts[:-2]} == {
        (None, Status.NOT_APPLICABLE)
    }
    assert all(verdict.score is not None for verdict in verdicts[-2:])


@pytest.mark.parametrize("unseen", UNSEEN_TEXTS[:8])
async def test_unseen_characters_within_a_text_change_nothing(unseen: str) -> None:
    """Neither its arithmetic, nor its refusal, nor its answer, which padding does not move out
    of sight either.
    """
    within = "" if unseen == "\u2800" else unseen  # that one reads as a space
    (arithmetic,) = await verdicts_of("arithmetic", [f"5{unseen}+3 = 9"])
    (refusal,) = await verdicts_of("refusal", [unseen * 400 + f"I ca{within}n't help with that."])

    assert arithmetic.score == 0.0
    assert refusal.score == 0.0
    assert plain_answer(f"The answer is {unseen}8." + unseen * 5000) == "8"
    assert same_answers([f"\\boxed{{8}}{unseen * 5000}", "\\boxed{8}"], True, 30) == [0, 0]
    assert equals_reference([f"\\boxed{{{unseen}8}}{unseen * 5000}"], "8", 30) == [True]
    assert distinct_answers([f"answer: {unseen}8{unseen * 5000}", unseen]) == [number_key(8), None]


@pytest.mark.parametrize("text", BENIGN)
async def test_texts_that_need_joiners_and_marks_keep_their_scores(text: str) -> None:
    """Scripts and emoji need them."""
    for kind in ("completeness", "length", "repetition", "refusal"):
        assert (await verdicts_of(kind, [text]))[0].score == 1.0, kind
    assert as_read(text) == as_read(as_read(text)) != ""
