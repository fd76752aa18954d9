"""Long candidates: checks without a model read the whole text."""

from __future__ import annotations

import pytest

from assay.verifiers import Status, Verdict
from assay.verifiers.checks.answers.answer_equality import plain_answer
from tests.support.verifiers.check_verdicts import verdict_by_reference

PADDING = "word " * 20_000


async def test_wrong_sums_cannot_be_hidden_by_padding() -> None:
    """One of three holds, wherever it stands."""
    verdict = await verdict_by_reference(
        "arithmetic", "1 + 1 = 3. 2 + 5 = 9. " + PADDING + "2 + 2 = 4"
    )

    assert verdict.score == pytest.approx(1 / 3)
    assert verdict.truncated_tokens is None


@pytest.mark.parametrize(("answer", "expected"), [('"aa"', 1.0), ("7", 0.0)])
async def test_long_json_is_held_to_its_schema(answer: str, expected: float) -> None:
    """As short JSON is."""
    schema = {
        "type": "object",
        "required": ["answer"],
        "properties": {"answer": {"type": "string"}},
    }
    verdict = await verdict_by_reference(
        "json_schema", f'{{"answer":{answer},"pad":"{"x" * 900_000}"}}', schema=schema
    )

    assert (verdict.score, verdict.status) == (expected, Status.OK)


async def test_a_forbidden_word_is_found_before_long_padding() -> None:
    """Patterns are looked for in all of a text."""
    assert await verdict_by_reference(
        "regex", "password " + PADDING, must=[], must_not=["password"]
    ) == Verdict(0.0)


@pytest.mark.parametrize("lead", [0, 8185, 8192, 100_000])
async def test_a_stated_answer_is_seen_wherever_a_search_begins_anew(lead: int) -> None:
    """It is complete with an answer at the beginning, on a seam, and far from both ends."""
    text = "x" * max(0, lead - 1) + " The answer is 8. " + "x" * 100_000 + "."

    assert (await verdict_by_reference("completeness", text)).score == 1.0


@pytest.mark.parametrize("answer", ["The answer is 8.", "\\boxed{8}", "#### 8"])
async def test_an_answer_that_was_stated_counts_whatever_follows(answer: str) -> None:
    """Where the end states none."""
    assert plain_answer(f"{answer}\n{PADDING}") == "8"
    assert (await verdict_by_reference("math_answer", f"{answer}\n{PADDING}")).score == 1.0
