"""Reward models that score every token: the last token's score is the reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.verifier import Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.rewards.base import Reward, RewardSettings
from assay.verifiers.vllm.replies import Vectors
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of


class RewardTokensSettings(RewardSettings):
    """A reward model with a score a token."""

    kind: Literal["reward_tokens"] = "reward_tokens"
    reward_token_id: int | None = Field(
        None,
        ge=0,
        description=(
            "Token that is put after the conversation (`reward_token_id` in the model's config:"
            " InternLM2)."
        ),
    )


class RewardTokens(Reward):
    """`/pooling`, task `token_classify`, raw; the last token's score."""

    path = "/pooling"

    def __init__(self, settings: RewardTokensSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.tokens = settings

    async def _ask_texts(self, texts: Sequence[str]) -> Verdicts:
        if self.tokens.reward_token_id is None:
            return await super()._ask_texts(texts)
        # A token without a text of its own can only be sent as an id.
        ids = [[*await self.tokenizer.ids(text), self.tokens.reward_token_id] for text in texts]
        return await self._post(self._body() | {"input": ids}, len(ids))

    def _body(self) -> dict[str, Any]:
        return {**super()._body(), "task": "token_classify"}

    async def _post(self, body: dict[str, Any], count: int) -> Verdicts:
        if "messages" in body and self.tokens.reward_token_id is not None:
            ids = await self.tokenizer.ids_of_chat(body.pop("messages"), generation=False)
            body |= {"input": [[*ids, self.tokens.reward_token_id]]}
        reply = await self.upstream.ask(self.path, {"task": "token_classify", **body}, Vectors)
        rows = in_order(reply.data, count)
        if any(not row.data or len(row.data[-1]) != 1 for row in rows):
            raise BadReplyError(
                "no single score a token; see `assay models` for how such a model is served"
            )
        return Verdicts(
            score_verdicts([row.data[-1][0] for row in rows], "reward"), usage_of(reply.usage)
        )
