"""A cross-encoder behind `/score`."""

from __future__ import annotations

from assay.verifiers import Pair, Query
from tests.support.verifiers.served_models import PAIRS, served_verifier, standin_transport


async def test_queries_are_sent_once_where_they_are_the_same() -> None:
    """1:N for one query, N:N for several."""
    transport = standin_transport("rerank")
    verifier = served_verifier("rerank", transport)

    await verifier.score(PAIRS)
    await verifier.score([PAIRS[0], Pair(Query.of("another"), "x")])

    assert [type(asked["text_1"]) for _, asked in transport.sent] == [str, list]
