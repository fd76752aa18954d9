"""Which candidates of a query have the same answer, with and without a consensus verifier."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.answer_keys import answer_keys
from assay.service.scoring.request import ScoringRequest
from assay.verifiers import Pair, Query, VerifierError
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings
from tests.service.scoring.test_combine import Calibrated
from tests.support.scorers import Books, fake, run_of

SUM = Query.of("What is 3 + 4?")


async def groups_of(
    texts: list[str], *verifiers: Any, query: Query = SUM, deadline_s: float = 30.0
) -> list[int]:
    """Return a number for each text, the same for equal answers."""
    books = Books([fake("v"), *verifiers])
    pairs = [Pair(query, text) for text in texts]
    run = run_of(books, ScoringRequest(books.task, pairs, True, deadline_s, learn=False))
    keys = await answer_keys(run)
    return [keys.index(key) for key in keys]


@pytest.mark.parametrize("texts", [
    ["7", "It is 7.", "The answer is 7.", "\\boxed{7}", "We add.\n3 + 4 = 7", "#### 7.0"],
    ["The answer is 1/2.", "The answer is 0.5.", "The answer is \\boxed{\\frac{1}{2}}.", "50%", "So we get 1/2", "Answer: $\\dfrac12$"],
    ["The answer is 1,000.", "1000", "The result is\n\n**1000**", "Therefore it equals 1000.00", "\\boxed{1{,}000}", "#### 1000"],
])  # fmt: skip
async def test_six_wordings_of_one_number_are_one_answer(texts: list[str]) -> None:
    """Without any verifier that compares answers."""
    assert await groups_of([*texts, "The answer is 8."]) == [0] * 6 + [6]


async def test_texts_whose_answer_cannot_be_read_are_answers_of_their_own() -> None:
    """However they end, if the query asks for no number."""
    texts = ["def f(): pass\nI hope this helps!", "def g(): pass\nI hope this helps!", "Answer: Paris", "The answer is Paris."]  # fmt: skip

    assert await groups_of(texts, query=Query.of("Where?")) == [0, 1, 2, 2]


UNREAD = [
    "\\boxed{\\frac{\\sqrt{2}}{2}}",
    "\\boxed{\\frac{1}{\\sqrt{2}}}",
    "The answer is \\sqrt{2}.",
]


async def test_a_consensus_verifier_compares_what_cannot_be_read_here() -> None:
    """Without one, such answers are compared as text."""
    consensus = Consensus(ConsensusSettings(name="c"))
    await consensus.warm_up()

    assert await groups_of(UNREAD) == [0, 1, 2]
    assert await groups_of(UNREAD, consensus) == [0, 0, 2]


async def test_numbers_and_words_are_not_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison of what can be read would be a wait for nothing."""
    consensus = Consensus(ConsensusSettings(name="c"))
    compared: list[list[str]] = []

    async def compare(query: str, texts: list[str]) -> list[int | None]:
        compared.append(texts)
        return [None for _ in texts]

    monkeypatch.setattr(consensus, "remembered_groups", compare)
    await groups_of(["The answer is 7.", "The answer is 1/2.", "Answer: blue"], consensus)
    await groups_of(UNREAD, consensus)

    assert compared == [UNREAD]


@pytest.mark.parametrize("deadline_s", [30.0, 0.0])
async def test_a_comparison_that_fails_or_is_late_is_done_as_text(
    deadline_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes all the same."""
    consensus = Consensus(ConsensusSettings(name="c"))

    async def die(query: str, texts: list[str]) -> list[int | None]:
        raise VerifierError("worker processes die")

    if deadline_s:
        monkeypatch.setattr(consensus, "remembered_groups", die)

    assert await groups_of(UNREAD, consensus, deadline_s=deadline_s) == [0, 1, 2]


@pytest.mark.parametrize("answers", [("7",) * 6, ("1/2", "0.5", "50%", "\\frac{1}{2}", "$0.50$", "5/10"), ("Paris", "**Paris**", "the Paris", "paris", "Paris.", "Paris")])  # fmt: skip
async def test_six_wordings_at_one_half_have_a_chance_of_one_half(answers: tuple[str, ...]) -> None:
    """Six factors would be 0.98."""
    books = Books([fake("v", 0.5)])
    books.task.serving.version = ServedVersion(
        task="t", model=Calibrated(books.task.spec.columns, 0.5)
    )
    pairs = [Pair(SUM, f"Wording {place}.\nThe answer is {text}.") for place, text in enumerate(answers)]  # fmt: skip

    outcome = await books.scorer.score(ScoringRequest(books.task, pairs, True, 30.0, learn=False))

    assert outcome.probability.tolist() == pytest.approx([0.5] * 6)
    assert outcome.p_any_correct == pytest.approx(0.5)
    assert outcome.p_best is None  # no labels, so nothing says how sure the order is
