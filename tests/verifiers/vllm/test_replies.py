"""Replies that are not of the expected form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.verifiers import BadReplyError
from tests.support.verifiers.kinds import PAIRS, made
from tests.support.verifiers.reply_changes import with_changed_replies


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
    """Doubled, missing, of the same place, or of invalid places."""
    with pytest.raises(BadReplyError):
        await made(kind, with_changed_replies(kind, change)).score(PAIRS)


@pytest.mark.parametrize("vector", [[], [0.0, 0.0], [1.0], [1e308] * 8, [None]])
async def test_embeddings_that_are_none_are_refused(vector: list[Any]) -> None:
    """Of different lengths, without a length, beyond all measure."""

    def change(reply: Any) -> Any:
        reply["data"][0]["embedding"] = vector
        return reply

    with pytest.raises(BadReplyError):
        await made(
            "embedding_consensus", with_changed_replies("embedding_consensus", change)
        ).score(PAIRS)


async def test_prompt_logprobs_that_are_not_by_token_are_refused() -> None:
    """By their text, as from another server."""

    def change(reply: Any) -> Any:
        for choice in reply["choices"]:
            choice["prompt_logprobs"] = [None, {"word": {"logprob": -1.0}}]
        return reply

    with pytest.raises(BadReplyError, match="token id"):
        await made("likelihood", with_changed_replies("likelihood", change)).score(PAIRS)
