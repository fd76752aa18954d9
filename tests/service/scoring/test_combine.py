"""The result of a request's scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.aggregation import Combined, Floats, RobustAverage
from assay.service.domain.errors import NoVerifierError
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.combine import read_alone, require_a_score
from assay.service.scoring.request import ScoringRequest
from assay.service.scoring.scorer import STORE_DOWN
from assay.verifiers import Pair, Query, Status, UnreachableError, Verdict
from tests.support.scorers import Books, fake, run_of


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


async def rewards_of_c0(
    fakes: list[Any], group: list[str], wish: Any = "number", base_rate: float | None = None
) -> tuple[float, float, float]:
    """Return c0's log-odds in its group, and its log-odds and probability alone."""
    books = Books(fakes)
    model = RobustAverage(books.task.spec.columns, base_rate)
    books.task.serving.version = ServedVersion(task="t", model=model)
    pairs = [Pair(Query.of("q"), text) for text in group]
    request = ScoringRequest(books.task, pairs, True, 30.0, learn=False, uncalibrated=wish)
    outcome = await books.scorer.score(request)
    reading = read_alone(outcome, model)
    return outcome.combined.log_odds[0], reading.log_odds[0], reading.probability[0]


def unbounded(pair: Pair) -> float:
    """Return a score without a range, which a group's own range maps."""
    return {"c0": 1.0, "low": -3.0, "high": 8.0}[pair.candidate]


@pytest.mark.parametrize("has_setwise", [False, True])
async def test_a_reading_alone_is_the_same_in_every_group(has_setwise: bool) -> None:
    """Where the group's own reading moves; also beside a verifier that compares candidates."""
    scorer = fake("v", unbounded)
    scorer.bounds = None
    fakes = [scorer]
    if has_setwise:
        comparing = fake("consensus", lambda pair: 0.9 if pair.candidate == "high" else 0.2)
        comparing.setwise = True
        fakes.append(comparing)

    groups = [["c0"], ["c0", "low"], ["c0", "high"], ["c0", "low", "high"]]
    readings = [await rewards_of_c0(fakes, group) for group in groups]

    assert len({in_group for in_group, _, _ in readings[1:]}) > 1
    assert {alone for _, alone, _ in readings} == {readings[0][1]}
    assert {probability for _, _, probability in readings} == {readings[0][2]}
    assert 0.5 < readings[0][2] < 1


async def test_a_reading_alone_has_no_more_probability_than_the_task() -> None:
    """Nothing stated a base rate, and nobody wants a number."""
    for wish, base_rate, has_one in (("null", None, False), ("null", 0.3, True)):
        _, log_odds, probability = await rewards_of_c0(
            [fake("v", 0.9)], ["c0", "c1"], wish, base_rate
        )

        assert not np.isnan(log_odds)
        assert np.isnan(probability) != has_one


async def test_what_only_a_comparison_scored_has_no_reading_alone() -> None:
    """It would be another one in another group."""
    comparing = fake("consensus", 0.9)
    comparing.setwise = True

    in_group, alone, probability = await rewards_of_c0([comparing], ["c0", "c1"])

    assert not np.isnan(in_group)
    assert np.isnan(alone)
    assert np.isnan(probability)


async def test_an_error_says_whether_another_try_may_help() -> None:
    """A verifier that is away may come back; a text without a score has none again."""
    for status, may_help in (
        (Status.ERROR, True),
        (Status.TIMEOUT, True),
        (Status.NO_SCORE, False),
        (Status.TRUNCATED, False),
    ):
        books = Books([fake("v", 0.5)])
        run = run_of(books, books.job())
        run.enter(0, range(2), Verdict(None, status, "why"))

        with pytest.raises(NoVerifierError, match="why") as caught:
            require_a_score(run)

        assert (caught.value.retry_after_s is not None) == may_help
