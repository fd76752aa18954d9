"""its_hub: an outcome reward model.

BestOfN(orm=AssayRewardModel(task="math")).ainfer(lm, prompt, budget=8)
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from its_hub.api.reward_models import AbstractOutcomeRewardModel

from .client import AsyncClient
from .errors import NoScoreError
from .lone import rank_rows
from .missing import Missing
from .run import Run
from .settings import RewardKind, settings_of
from .texts import content_of, query_of


class AssayRewardModel(AbstractOutcomeRewardModel):  # type: ignore[misc,unused-ignore]  # its_hub may not be installed
    """Scores conversations by P(the last turn is correct); ranks those of one prompt together.

    A search chooses among them, so verifiers that compare candidates have a say, and a response's
    score depends on those beside it. For a trainer's rewards take another adapter.

    `missing` is "raise" by default; "skip" is minus infinity, which no search chooses while another
    response has a score.
    """

    def __init__(
        self,
        task: str | None = None,
        client: AsyncClient | None = None,
        *,
        run: str | Run | None = None,
        missing: Missing | None = None,
        reward: RewardKind | None = None,
        learn: bool = False,
    ) -> None:
        self.settings = settings_of(task, run, missing, reward, learn)
        self._client = client

    def score(self, messages: Any, **kwargs: Any) -> list[float] | float:
        """Return one score a conversation, in order; see `ascore`."""
        return asyncio.run(self.ascore(messages, **kwargs))

    async def ascore(
        self, messages: Any, orchestrator: Any = None, **kwargs: Any
    ) -> list[float] | float:
        """Return one reward a conversation, in order.

        Raises `NoScoreError` if no verifier could say of one with `missing="raise"`, or of any.
        """
        if hasattr(messages, "to_chat_messages"):
            messages = messages.to_chat_messages()
        several = not messages or isinstance(messages[0], Sequence)
        chats = [[_turn(turn) for turn in chat] for chat in (messages if several else [messages])]
        rows = [(query_of(chat[:-1]), content_of(chat[-1]), None) for chat in chats]
        rewards = await rank_rows(rows, self.settings, self._client, together=True)
        if rewards and all(reward is None for reward in rewards):
            raise NoScoreError("no verifier applies to any of the responses")
        scores = [-math.inf if reward is None else reward for reward in rewards]
        return scores if several else scores[0]


def _turn(turn: Any) -> dict[str, Any]:
    return dict(turn) if isinstance(turn, dict) else dict(turn.to_dict())
