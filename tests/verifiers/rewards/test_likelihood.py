"""How likely a candidate is, given the query."""

from __future__ import annotations

import pytest

from assay.verifiers import Pair
from tests.support.verifiers.kinds import made
from tests.support.verifiers.sums import QUERY


async def test_a_likelihood_without_a_baseline_is_a_tokens_mean() -> None:
    """Or the sum, on request."""
    pair = Pair(QUERY, "seven")

    [mean] = (await made("likelihood", baseline=False).score([pair])).items
    [total] = (await made("likelihood", baseline=False, mean=False).score([pair])).items

    assert mean.score == pytest.approx((total.score or 0) / len("seven"))
    assert (mean.score or 0) < 0
