"""Agreement of candidates by their embeddings."""

from __future__ import annotations

import pytest

from assay.verifiers import Pair, VerifierError
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made
from tests.support.verifiers.sums import QUERY


async def test_embeddings_that_are_none_give_no_score() -> None:
    """A zero vector has no direction."""
    transport = FakeTransport(
        {
            "/v1/embeddings": (
                200,
                {"data": [{"index": 0, "embedding": [0.0]}, {"index": 1, "embedding": [1.0]}]},
            )
        }
    )

    with pytest.raises(VerifierError, match="vector"):
        await made("embedding_consensus", transport).score([Pair(QUERY, "a"), Pair(QUERY, "b")])
