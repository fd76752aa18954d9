"""P(any candidate is correct): one factor a distinct answer, however it is worded."""

from __future__ import annotations

import pytest

from assay.aggregation import RobustAverage
from assay.service.scoring.request import ScoringRequest
from assay.verifiers import Pair, Query
from tests.support.scorers import Books, fake


class Calibrated(RobustAverage):
    """An average that passes for calibrated."""

    calibrated = True


async def any_correct(texts: list[str]) -> tuple[float, list[float]]:
    """Return the probability that any is correct, and those of the candidates."""
    books = Books([fake("v", 0.5)])
    books.task.model = Calibrated(books.task.columns, 0.2)
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
