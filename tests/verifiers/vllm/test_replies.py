"""Replies that are not of the expected form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.verifiers import BadReplyError, Pair
from tests.support.fakes import FakeTransport
from tests.support.kinds import EXAMPLES, QUERY, made, standin

PAIRS = [Pair(QUERY, "First 7.\n\nThen 8."), Pair(QUERY, "It is 9.\n\nOr 10.")]


SCORING = (
    "/score",
    "/classify",
    "/pooling",
    "/v1/chat/completions",
    "/v1/chat/completions/batch",
    "/v1/completions",
    "/generative_scoring",
    "/v1/embeddings",
)


def changing(kind: str, change: Callable[[Any], Any]) -> FakeTransport:
    """Return a stand-in whose scoring replies are changed before they are sent."""
    whole = standin(EXAMPLES[kind].server or "")

    def answer(path: str, asked: Any) -> tuple[int, Any]:
        status, reply = whole.replies[path](asked)
        return status, json.dumps(
            change(reply)
        ).encode() if status == 200 else reply  # also what orjson refuses to write

    changed = {
        path: (lambda asked, path=path: answer(path, asked))
        for path in SCORING
        if path in whole.replies
    }
    return FakeTransport({**whole.replies, **changed})


@pytest.mark.parametrize("change", [
    lambda reply: {**reply, "data": reply["data"] * 2}, lambda reply: {**reply, "data": reply["data"][:1]},
    lambda reply: {**reply, "data": [{**row, "index": 0} for row in reply["data"]]},
    lambda reply: {**reply, "data": [{**row, "index": place + 1} for place, row in enumerate(reply["data"])]},
    lambda reply: {**reply, "data": [{**row, "index": -place} for place, row in enumerate(reply["data"])]},
])  # fmt: skip
@pytest.mark.parametrize(
    "kind",
    [
        "cross_encoder",
        "reward_model",
        "process_reward",
        "reward_tokens",
        "nli",
        "generative_scoring",
        "embedding_consensus",
    ],
)
async def test_rows_that_are_not_one_for_each_input_are_no_scores(
    kind: str, change: Callable[[Any], Any]
) -> None:
    """Doubled, missing, of the same place, or of places that there are not."""
    with pytest.raises(BadReplyError):
        await made(kind, changing(kind, change)).score(PAIRS)


@pytest.mark.parametrize("vector", [[], [0.0, 0.0], [1.0], [1e308] * 8, [None]])
async def test_embeddings_that_are_none_are_refused(vector: list[Any]) -> None:
    """Of different lengths, without a length, beyond all measure."""

    def change(reply: Any) -> Any:
        reply["data"][0]["embedding"] = vector
        return reply

    with pytest.raises(BadReplyError):
        await made("embedding_consensus", changing("embedding_consensus", change)).score(PAIRS)


async def test_prompt_logprobs_that_are_not_by_token_are_refused() -> None:
    """By their text, as from another server."""

    def change(reply: Any) -> Any:
        for choice in reply["choices"]:
            choice["prompt_logprobs"] = [None, {"word": {"logprob": -1.0}}]
        return reply

    with pytest.raises(BadReplyError, match="token id"):
        await made("likelihood", changing("likelihood", change)).score(PAIRS)
