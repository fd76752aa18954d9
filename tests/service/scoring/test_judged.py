"""What an answer does not know, and says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.aggregation import Combined, RobustAverage
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.judged import MOST_SHOWN, VETO, unjudged_warnings
from assay.service.scoring.request import ScoringRequest, ScoringResult
from assay.verifiers import (
    Pair,
    Query,
    UnreachableError,
    VerifierSettings,
    VerifierTimeoutError,
)
from tests.support.scorers import Books, fake
from tests.support.verifiers.fakes import FakeVerifier

FORM: dict[str, Any] = {"options": {"about": "form"}}
RELEVANCE: dict[str, Any] = {"options": {"about": "relevance"}}


async def answer_of(
    *fakes: Any, texts: str = "abc", base_rate: float | None = 0.4
) -> ScoringResult:
    """Return the result of a query's candidates, by a task with a stated base rate."""
    books = Books(list(fakes))
    books.task.serving.version = ServedVersion(
        task="t", model=RobustAverage(books.task.spec.columns, base_rate)
    )
    pairs = [Pair(Query.of("q"), text) for text in texts]
    return await books.scorer.score(ScoringRequest(books.task, pairs, True, 30.0, learn=False))


def starting(outcome: ScoringResult, code: str) -> list[str]:
    """Return the warnings of a code."""
    return [warning for warning in outcome.warnings if warning.startswith(f"{code}: ")]


@pytest.mark.parametrize("about", [FORM, RELEVANCE])
async def test_form_and_relevance_order_and_judge_nothing(about: dict[str, Any]) -> None:
    """However sure they are, and whatever the base rate."""
    looks = fake("looks", lambda pair: {"a": 0.1, "b": 0.99, "c": 0.5}[pair.candidate], **about)
    outcome = await answer_of(looks)

    assert outcome.order == [1, 2, 0]
    assert np.isnan(outcome.probability).all()
    assert not outcome.judged.any()
    [warning] = starting(outcome, "nothing_judged")
    assert "any candidate" in warning
    assert (outcome.p_best, outcome.p_any_correct) == (None, None)


async def test_only_candidates_without_a_judgement_lack_a_probability() -> None:
    """And the warning names them."""
    judge = fake("judge", lambda pair: None if pair.candidate == "b" else 0.8)
    outcome = await answer_of(judge, fake("looks", 0.9, **FORM))

    assert np.isnan(outcome.probability).tolist() == [False, True, False]
    assert outcome.judged.tolist() == [True, False, True]
    assert "scored candidates 1:" in starting(outcome, "nothing_judged")[0]


async def test_an_override_makes_a_check_speak_of_correctness() -> None:
    """As the operator states it; a judged answer has no such warning."""
    outcome = await answer_of(fake("pattern", 0.9, options={"about": "correctness"}))

    assert not np.isnan(outcome.probability).any()
    assert starting(outcome, "nothing_judged") == []


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (UnreachableError("refused"), "unreachable: refused"),
        (VerifierTimeoutError("no answer within 5 s"), "timeout: no answer within 5 s"),
    ],
)
async def test_a_partial_answer_says_why(failure: Exception, why: str) -> None:
    """Without `explain`, with the verifier's name and how many candidates it concerns."""
    outcome = await answer_of(fake("judge-a", failure), fake("judge-b", 0.7))

    assert outcome.matrix.partial
    assert starting(outcome, "partial") == [f"partial: judge-a: {why} (3 of 3 candidates)"]


async def test_a_long_reason_and_many_verifiers_are_cut() -> None:
    """A warning is no place for a server's page."""
    failing = [fake(f"v{at}", UnreachableError("x" * 5000)) for at in range(MOST_SHOWN + 3)]
    outcome = await answer_of(*failing, fake("judge", 0.7))

    warnings = starting(outcome, "partial")
    assert len(warnings) == MOST_SHOWN + 1
    assert warnings[-1] == "partial: and 3 more verifiers"
    assert max(map(len, warnings)) < 300


def test_few_of_many_candidates_are_named() -> None:
    """And the rest are counted."""
    judged = np.arange(4000) % 2 == 0
    combined = Combined(np.zeros(4000), lambda: np.zeros((4000, 1)), lambda places: None)

    [warning] = unjudged_warnings(judged, combined)

    assert "candidates 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 1990 more:" in warning


class VetoingSettings(VerifierSettings):
    """Settings of a check that vetoes."""

    kind_is_about = "form"
    vetoes = True


class Vetoing(FakeVerifier):
    """A fake that vetoes."""

    @property
    def settings(self) -> VerifierSettings:
        """Return its settings."""
        return VetoingSettings(name=self.name, kind="fake")


async def test_a_veto_goes_below_every_answer() -> None:
    """By a fixed part of the log-odds, which is the vetoing check's contribution."""
    looks = fake("looks", lambda pair: 1.0 if pair.candidate == "b" else 0.0)
    plain = await answer_of(looks)
    vetoing = Vetoing("refusal", lambda pair: 0.0 if pair.candidate == "b" else 1.0)
    both = Books([looks, vetoing])
    columns = [
        replace(column, weight=0.0) if at else column
        for at, column in enumerate(both.task.spec.columns)
    ]
    both.task.serving.version = ServedVersion(task="t", model=RobustAverage(columns, 0.4))
    pairs = [Pair(Query.of("q"), text) for text in "abc"]
    outcome = await both.scorer.score(ScoringRequest(both.task, pairs, True, 30.0, learn=False))

    assert plain.order[0] == 1
    assert outcome.order[-1] == 1
    assert outcome.combined.log_odds[1] == pytest.approx(plain.combined.log_odds[1] - VETO)
    parts = outcome.combined.contributions()
    assert parts[:, 1].tolist() == [0.0, -VETO, 0.0]
    rests = outcome.combined.log_odds - parts.sum(axis=1)
    assert rests == pytest.approx(np.full(3, rests[0]))
