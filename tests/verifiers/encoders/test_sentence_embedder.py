"""The bundled sentence embedder."""

from __future__ import annotations

from assay.verifiers import Pair, Query
from tests.support.verifiers.kinds import made

PADDING = "word " * 20_000


async def test_what_an_embedder_did_not_see_is_said() -> None:
    """MiniLM reads 256 tokens."""
    verifier = made("embedding_consensus", endpoint=None, model=None)
    texts = ["It is 8.", PADDING]

    verdicts = (await verifier.score([Pair(Query.of("?"), text) for text in texts])).items

    assert [bool(verdict.truncated_tokens) for verdict in verdicts] == [False, True]
