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
    assert "judged candidates 1:" in starting(outcome, "nothing_judged")[0]


async def test_an_override_makes_a_check_speak_of_correctness() -> None:
    """As the operator states it; a judged answer has no such warning."""
    outcome = await answer_of(fake("pattern", 0.9, options={"about": "correctness"}))

    assert not np.isnan(outcome.probability).any()
    assert starting(outcome, "nothing_judged") == []


UNRANGED: dict[str, Any] = {"bounds": None}


@pytest.mark.parametrize(("texts", "score"), [("a", 3.0), ("a", -1e6), ("abc", 2.0), ("ab", 0.0)])
async def test_scores_that_say_nothing_judge_nothing(texts: str, score: float) -> None:
    """Without a range, alone or all alike; the best form and a stated base rate change nothing."""
    outcome = await answer_of(
        fake("rm", score, **UNRANGED), fake("looks", 1.0, **FORM), texts=texts, base_rate=0.5
    )

    assert np.isnan(outcome.probability).all()
    assert not outcome.judged.any()
    [warning] = starting(outcome, "nothing_judged")
    assert "state the range" in warning
    assert outcome.p_any_correct is None


async def test_scores_without_a_range_that_differ_judge() -> None:
    """Those of one query; candidates one by one are compared with nothing."""
    books = Books([fake("rm", lambda pair: float(ord(pair.candidate)), **UNRANGED)])
    books.task.serving.version = ServedVersion(
        task="t", model=RobustAverage(books.task.spec.columns, 0.5)
    )
    pairs = [Pair(Query.of("q"), text) for text in "ab"]
    together = await books.scorer.score(ScoringRequest(books.task, pairs, True, 30.0, learn=False))
    alone = await books.scorer.score(ScoringRequest(books.task, pairs, False, 30.0, learn=False))

    assert together.judged.all()
    assert together.probability[1] > 0.5 > together.probability[0]
    assert not alone.judged.any()
    assert alone.combined.log_odds[1] > alone.combined.log_odds[0]


@pytest.mark.parametrize("share", [1.0, 0.99, 0.6])
async def test_good_form_raises_no_probability_above_the_base_rate(share: float) -> None:
    """Of a judge who is undecided, or of judges who are right about the base rate on average."""
    judge = fake("judge", lambda pair: {"a": 0.2, "b": 0.5, "c": 0.8}[pair.candidate])
    looks = [fake(name, share, **FORM) for name in ("length", "schema", "complete")]
    outcome = await answer_of(judge, *looks, base_rate=0.5)

    assert outcome.judged.all()
    assert outcome.probability[1] <= 0.5
    assert float(outcome.probability.mean()) <= 0.5 + 1e-9
    assert outcome.order == [2, 1, 0]


async def test_candidates_without_a_score_stand_in_the_order_of_the_request() -> None:
    """Behind all others, and the answer says that their order means nothing."""
    judge = fake("judge", lambda pair: 0.8 if pair.candidate == "d" else None)
    outcome = await answer_of(judge, texts="zyxdcba")
    silent = await answer_of(fake("judge", None), texts="cab")
    tied = await answer_of(fake("rm", 7.0, **UNRANGED), texts="cab")

    assert outcome.order == [3, 0, 1, 2, 4, 5, 6]
    assert "orders candidates 0, 1, 2, 4, 5, 6:" in starting(outcome, "unordered")[0]
    for answer in (silent, tied):
        assert answer.order == [0, 1, 2]
        assert np.isnan(answer.combined.log_odds).all()
        assert len(starting(answer, "unordered")) == 1


@pytest.mark.parametrize("texts", ["cab", "zyxw", "ba"])
async def test_unjudged_ties_stand_in_the_order_of_the_request(texts: str) -> None:
    """Whatever their texts; judged ones do not depend on their place."""
    looks = fake("looks", 1.0, **FORM)
    silent = await answer_of(fake("judge", None), looks, texts=texts)
    judged = [
        await answer_of(fake("judge", 0.5), looks, texts=order) for order in (texts, texts[::-1])
    ]

    assert silent.order == list(range(len(texts)))
    assert len(starting(silent, "unordered")) == 1
    assert [starting(answer, "unordered") for answer in judged] == [[], []]
    first, second = (
        [order[place] for place in answer.order]
        for answer, order in zip(judged, (texts, texts[::-1]), strict=True)
    )
    assert first == second


async def test_a_lone_candidate_without_a_score_has_no_order() -> None:
    """So nothing is said of one."""
    outcome = await answer_of(fake("judge", None), texts="a")

    assert starting(outcome, "unordered") == []
    assert len(starting(outcome, "nothing_judged")) == 1


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
    combined = Combined(np.arange(4000.0), lambda: np.zeros((4000, 1)), lambda places: None)

    [warning] = unjudged_warnings(judged, judged, combined)

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
