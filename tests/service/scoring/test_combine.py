"""The result of a request's scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.aggregation import Combined, Floats, RobustAverage
from assay.service.domain.errors import NoVerifierError
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.request import ScoringRequest
from assay.service.scoring.scorer import STORE_DOWN
from assay.verifiers import Pair, Query, UnreachableError
from tests.support.scorers import Books, fake


class Calibrated(RobustAverage):
    """An average that passes for calibrated."""

    calibrated = True


async def any_correct(texts: list[str]) -> tuple[float, list[float]]:
    """Return the probability that any is correct, and those of the candidates."""
    books = Books([fake("v", 0.5)])
    books.task.serving.version = ServedVersion(
        task="t", model=Calibrated(books.task.spec.columns, 0.2)
    )
    pairs = [Pair(Query.of("3+4?"), text) for text in texts]
    outcome = await books.scorer.score(ScoringRequest(books.task, pairs, True, 30.0, learn=False))
    assert outcome.p_any_correct is not None
    return outcome.p_any_correct, outcome.probability.tolist()


@pytest.mark.parametrize("fill", ["", "so " * 4000])
async def test_eight_wordings_of_one_answer_are_one_factor(fill: str) -> None:
    """However long they are."""
    found, each = await any_correct(
        [f"{fill}Wording {place}. The answer is 7." for place in range(8)]
    )

    assert found == pytest.approx(max(each))


async def test_every_distinct_answer_is_a_factor() -> None:
    """Where none is stated, each longer text is one of its own, however it ends."""
    stated = [f"Wording {place}.\nThe answer is {place % 2}." for place in range(8)]
    longer = [f"def f{place}(): pass\nI hope that this helps!" for place in range(3)]
    found, each = await any_correct(stated + longer)

    assert found == pytest.approx(1 - (1 - each[0]) ** 5)


async def test_pairs_have_no_best() -> None:
    """They answer different queries, so no chance is theirs together."""
    books = Books([fake("v")])
    books.task.serving.version = ServedVersion(
        task="t", model=Calibrated(books.task.spec.columns, 0.2)
    )

    outcome = await books.scorer.score(books.job(one_query=False))

    assert outcome.calibrated
    assert (outcome.p_best, outcome.p_any_correct) == (None, None)


@pytest.mark.parametrize(
    ("base_rate", "wish", "has_numbers"),
    [(None, "null", False), (None, "number", True), (0.2, "null", True)],
)
async def test_a_probability_needs_labels_or_a_base_rate_or_the_wish_for_a_number(
    base_rate: float | None, wish: Any, has_numbers: bool
) -> None:
    """The order never does; a wish for numbers makes no chances of them."""
    books = Books([fake("v", lambda pair: 0.9 if pair.candidate == "c1" else 0.1)])
    books.task.serving.version = ServedVersion(
        task="t", model=RobustAverage(books.task.spec.columns, base_rate)
    )

    outcome = await books.scorer.score(replace(books.job(), uncalibrated=wish))

    assert np.isnan(outcome.probability).tolist() == [not has_numbers] * 2
    assert outcome.order == [1, 0]
    assert outcome.rated == (base_rate is not None)
    assert (outcome.p_any_correct is None, outcome.p_best) == (base_rate is None, None)


async def test_an_answer_without_any_score_is_an_error_with_each_verifiers_reason() -> None:
    """The first of its reasons; a verifier that had nothing to say is no failure."""
    broken = Books([fake("a", UnreachableError("refused")), fake("b", KeyError("oops"))])
    silent = Books([fake("silent", lambda _: None)])

    with pytest.raises(NoVerifierError) as caught:
        await broken.scorer.score(broken.job())
    outcome = await silent.scorer.score(silent.job())

    assert caught.value.reasons == {"a": "unreachable: refused", "b": "error: KeyError"}
    assert not outcome.matrix.has_score


async def test_a_verifier_that_the_model_does_not_know_is_named() -> None:
    """The warning comes after those of the way."""

    class Knowing(Calibrated):
        """An average that knows nothing of one verifier."""

        ignored = ("new",)

    books = Books([fake("old"), fake("new")])
    books.task.serving.version = ServedVersion(
        task="t", model=Knowing(books.task.spec.columns, 0.2)
    )

    outcome = await books.scorer.score(books.job())

    assert outcome.warnings == [
        STORE_DOWN,
        "not in the task's label model, so their scores do not count: new",
    ]


async def test_ranks_go_by_log_odds_and_ties_by_the_texts() -> None:
    """So the order of the request does not matter."""
    books = Books([fake("v", lambda pair: 0.9 if pair.candidate == "c2" else 0.5)])
    job = books.job(4)

    forward = await books.scorer.score(job)
    backward = await books.scorer.score(replace(job, pairs=list(reversed(job.pairs))))

    assert forward.order[0] == 2
    assert [3 - place for place in backward.order] == forward.order


@pytest.mark.parametrize("one_query", [True, False])
async def test_pairs_are_read_alone_and_candidates_beside_each_other(one_query: bool) -> None:
    """A model may learn different things of the two."""
    reads: list[bool] = []

    class Noting(Calibrated):
        """An average that keeps how it is read."""

        def combine(self, scores: Floats, alone: bool) -> Combined:
            reads.append(alone)
            return super().combine(scores, alone)

    books = Books([fake("v")])
    books.task.serving.version = ServedVersion(task="t", model=Noting(books.task.spec.columns, 0.2))

    await books.scorer.score(books.job(one_query=one_query))

    assert reads == [not one_query]
