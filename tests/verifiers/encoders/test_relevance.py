"""How near a candidate is to its query."""

from __future__ import annotations

import pytest

from assay.verifiers import Query, Status
from tests.support.verifiers.check_verdicts import MATHS, verdicts_of


async def test_relevance_ranks_the_topic_first() -> None:
    """An answer to the question lies nearer than one to another; an empty one is not scored."""
    query = Query.of("What is the capital of France?")

    on, off, empty = await verdicts_of(
        "relevance",
        ["The capital of France is Paris.", "Bananas are rich in potassium.", " "],
        query,
    )

    assert on.score is not None
    assert off.score is not None
    assert on.score > off.score + 0.3
    assert empty.status is Status.NOT_APPLICABLE


async def test_relevance_of_a_pair_does_not_depend_on_its_batch() -> None:
    """Padding is masked out (int8 activations are quantised per tensor, hence the tolerance)."""
    texts = ["Paris.", "The capital is Paris, a city on the Seine. " * 6, "No idea"]

    together = [verdict.score for verdict in await verdicts_of("relevance", texts, MATHS)]
    alone = [(await verdicts_of("relevance", [text], MATHS))[0].score for text in texts]

    assert together == pytest.approx(alone, abs=0.05)
