"""Entailment of the reference by a candidate."""

from __future__ import annotations

import pytest

from assay.verifiers import BadReplyError, Pair
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import QUERY


async def test_entailment_is_read_from_the_configured_class_of_the_joined_pair() -> None:
    """RoBERTa has two separators, and a class that the head lacks is an error."""
    transport = standin("nli")
    pair = Pair(QUERY, "ab")

    first, third = [
        (await made("nli", transport, entailment=place).score([pair])).items[0].score
        for place in (0, 2)
    ]
    await made("nli", transport, doubled_separator=True, premise="reference").score([pair])

    assert first != third
    assert transport.sent[-1][1]["input"] == [
        [0, 100 + ord("7"), 0, 0, 100 + ord("a"), 100 + ord("b"), 0]
    ]
    with pytest.raises(BadReplyError, match="no class 3"):
        await made("nli", entailment=3).score([pair])
