"""Reward models with one scalar head, asked for the raw reward of a rendered conversation."""

from __future__ import annotations

from typing import Any, Literal

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.verifier import Verdicts
from assay.verifiers.rewards.base import Reward, RewardSettings
from assay.verifiers.vllm.replies import Classes
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of


class RewardModelSettings(RewardSettings):
    """A reward model: raw rewards are unbounded."""

    kind: Literal["reward_model"] = "reward_model"


class RewardModel(Reward):
    """`/classify` with `use_activation: false`, since vLLM applies a sigmoid by default."""

    path = "/classify"

    async def _post(self, body: dict[str, Any], count: int) -> Verdicts:
        reply = await self.upstream.ask(self.path, body, Classes)
        rows = in_order(reply.data, count)
        if any(len(row.probs) != 1 for row in rows):
            raise BadReplyError(f"{len(rows[0].probs)} classes where a reward model has one")
        return Verdicts(
            score_verdicts([row.probs[0] for row in rows], "reward"), usage_of(reply.usage)
        )
