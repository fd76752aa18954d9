"""Whether two answers are the same."""

from __future__ import annotations

import pytest

from assay.verifiers import Pair
from assay.verifiers.checks.answers.answer_equality import (
    equals_reference,
    plain_answer,
    same_plain_answers,
)
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings
from tests.support.verifiers.check_verdicts import MATHS


@pytest.mark.parametrize("step", ["parse", "verify"])
def test_a_comparison_that_overran_is_not_known_and_not_wrong(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine any may; the library itself then says that the two differ."""
    math_verify = pytest.importorskip("math_verify")
    overruns = math_verify.parse if step == "parse" else math_verify.verify

    def late(given: object, *more: object, **named: object) -> object:
        if step == "verify" or "half" in str(given):
            raise math_verify.errors.TimeoutException
        return overruns(given, *more, **named)

    monkeypatch.setattr(math_verify, step, late)

    assert equals_reference(["half: the answer is 1/2.", "The answer is 7, half."], "0.5", 30) == [
        "time",
        "time",
    ]


@pytest.mark.parametrize(("text", "expected"), [
    ("3 + 4 = 7. The answer is 7.", "7"), ("so \\boxed{12} it is", "12"), ("#### 42", "42"), ("The answer is **Paris**.", "paris"),
    ("First.\nThe Eiffel Tower", "eiffel tower"), ("The answer is 3. No: the answer is 4.", "4"), ("", None), ("...", None),
    ("Answer: 3.5 metres", "3 5 metres"),
])  # fmt: skip
def test_the_last_stated_answer_counts(text: str, expected: str | None) -> None:
    """As normalised text."""
    assert plain_answer(text) == expected


def test_texts_without_an_answer_are_in_no_group() -> None:
    """None, which is not a group of its own."""
    assert same_plain_answers(["The answer is 7.", "so 7", "", "answer: 7"]) == [0, 1, None, 0]


async def test_a_comparison_that_overruns_is_killed_and_done_as_text() -> None:
    """The verdict comes, in about the time that was allowed."""
    verifier = Consensus(ConsensusSettings(name="c", time_limit_s=0.001))
    pairs = [Pair(MATHS, text) for text in ("The answer is 7.", "Answer: 7", "The answer is 8.")]

    verdicts = await verifier.score(pairs)

    assert [verdict.score for verdict in verdicts.items] == [
        pytest.approx(1.4 / 4),
        pytest.approx(1.4 / 4),
        pytest.approx(0.4 / 4),
    ]
