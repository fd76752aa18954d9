"""A request to score, and its outcome."""

from __future__ import annotations

from assay.service.domain.budget import OVER_BUDGET
from assay.verifiers import Status, Verdict
from tests.support.scorers import Books, fake


def test_a_member_is_called_as_its_verifier() -> None:
    """The name comes from the settings."""
    [member] = Books([fake("judge")]).members

    assert member.name == "judge"


async def test_a_pair_that_every_verifier_scored_is_fully_scored() -> None:
    """A failure is a reply: only a cut leaves a pair in part."""
    books = Books([fake("good"), fake("bad", KeyError("oops"))])

    outcome = await books.scorer.score(books.job(3))

    assert outcome.fully_scored == [True] * 3


async def test_what_the_budget_or_a_cascade_cut_is_not_fully_scored() -> None:
    """One cell is enough; the other pairs are as they were."""
    books = Books([fake("a"), fake("b")])
    outcome = await books.scorer.score(books.job(3))

    outcome.matrix.put(0, 1, Verdict(None, Status.SKIPPED, OVER_BUDGET))
    outcome.matrix.put(1, 1, Verdict(None, Status.SKIPPED, "another reason"))

    assert outcome.fully_scored == [False, True, True]
