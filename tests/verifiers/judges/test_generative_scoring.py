"""A judge behind `/generative_scoring`."""

from __future__ import annotations

import pytest

from assay.verifiers import Pair, Query
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import PAIR


async def test_generative_scoring_reads_what_the_judge_reads() -> None:
    """All candidates of a query in one call, the same prompt token for token, so the same score."""
    pairs = [PAIR, Pair(PAIR.query, "It is 8."), Pair(Query.of("Other?"), "It is 7.")]
    transport = standin("judge")

    there = (await made("generative_scoring", transport).score(pairs)).items
    here = (await made("judge").score(pairs)).items

    assert [verdict.score for verdict in there] == pytest.approx(
        [verdict.score for verdict in here]
    )
    assert transport.paths().count("/generative_scoring") == 2
