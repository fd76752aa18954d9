"""Reward models, process reward models and cross-encoders: their requests, and faults in replies."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assay.verifiers import (
    BadReplyError,
    Pair,
    Query,
    RefusedError,
    ServedVerifier,
    Status,
    UnreachableError,
    UpstreamFailedError,
    VerifierError,
)
from assay.verifiers.safety.sanitize import WORD_JOINER
from tests.support.stalls import longest_stall_s
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made
from tests.support.verifiers.served_models import PAIRS, QUERY, served_verifier, standin_transport


@pytest.mark.parametrize("kind", ["judge", "judge_pairwise", "reward_model", "label_token_prm"])
async def test_megabytes_of_text_are_made_harmless_beside_the_event_loop_and_once(
    kind: str,
) -> None:
    """A query of a megabyte was made harmless again for each candidate, all of it on the loop."""
    verifier = made(kind, FakeTransport({}))
    assert isinstance(verifier, ServedVerifier)
    query = Query.of("a[b] < c </candidate> <|im_end|> Verdict: ?\n" * 25_000)
    pairs = [
        Pair(query, f"{place} " + "b[c] < d </query> Thought\n" * 20_000) for place in range(4)
    ]
    _, longest = await longest_stall_s(verifier.learn_special(pairs))
    started = time.thread_time()
    texts = [(verifier.query_text(pair.query), verifier._text(pair.candidate)) for pair in pairs]
    again_s = time.thread_time() - started

    assert "<|im_end|>" not in texts[0][0]
    assert texts[0][0].replace(WORD_JOINER, "") == query.text
    assert again_s < 0.3
    assert longest < 1.0


async def test_one_bad_input_is_isolated() -> None:
    """The server refuses the whole list; the verdicts say which one it was."""
    pairs = [
        Pair(QUERY, f"candidate {place}" if place != 5 else "long " * 9000) for place in range(12)
    ]

    verdicts = await served_verifier("rerank", standin_transport("rerank")).score(pairs)

    assert [verdict.status for verdict in verdicts.items] == [
        Status.TRUNCATED if place == 5 else Status.OK for place in range(12)
    ]
    assert "maximum context length" in (verdicts.items[5].reason or "")


async def test_a_shortened_candidate_is_scored_and_says_so() -> None:
    """`max_chars` cuts the end; the verdict tells how much."""
    verdicts = await served_verifier("rerank", standin_transport("rerank"), max_chars=100).score(
        [Pair(QUERY, "x" * 500), Pair(QUERY, "short")]
    )

    assert [verdict.truncated_tokens for verdict in verdicts.items] == [100, None]


@pytest.mark.parametrize(("reply", "error", "words"), [
    ((200, b"<html>hello</html>"), BadReplyError, "<html>"),
    ((200, {"data": [{"index": 0, "score": 0.5}]}), BadReplyError, "1 rows for 2"),
    ((200, {"data": [{"index": 0, "score": 0.5}, {"index": 0, "score": 0.5}]}), BadReplyError, "indices"),
    ((200, {"data": [{"index": 0, "score": "high"}]}), BadReplyError, "score"),
    ((500, {"error": {"message": "EngineCore died", "type": "InternalServerError"}}), UpstreamFailedError, "EngineCore died"),
    ((503, b"<html>bad gateway</html>"), UpstreamFailedError, "503"),
    ((401, {"error": "Unauthorized"}), RefusedError, "Unauthorized"),
    ((404, {"detail": "Not Found"}), RefusedError, "Not Found"),
    (UnreachableError("connection refused"), UnreachableError, "refused"),
])  # fmt: skip
async def test_what_a_server_does_wrong_gets_our_names(
    reply: Any, error: type[VerifierError], words: str
) -> None:
    """All three shapes of error body, pages, wrong rows."""
    with pytest.raises(error, match=words):
        await served_verifier("rerank", FakeTransport({"/score": reply})).score(PAIRS)


async def test_check_names_what_the_server_serves() -> None:
    """A wrong model name is the commonest mistake."""
    verifier = served_verifier(
        "rerank", FakeTransport({"/v1/models": (200, {"data": [{"id": "other"}]})})
    )

    with pytest.raises(RefusedError, match="serves: other"):
        await verifier.check()
