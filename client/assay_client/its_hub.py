"""its_hub: an outcome reward model.

BestOfN(orm=AssayRewardModel(task="math")).ainfer(lm, prompt, budget=8)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from its_hub.api.reward_models import AbstractOutcomeRewardModel

from .client import AsyncClient
from .errors import NoScoreError
from .lone import rank_rows
from .texts import query_of, text_of


class AssayRewardModel(AbstractOutcomeRewardModel):  # type: ignore[misc,unused-ignore]  # its_hub may not be installed
    """Scores conversations by P(the last turn is correct); ranks those of one prompt together."""

    def __init__(self, task: str | None = None, client: AsyncClient | None = None) -> None:
        self._task, self._client = task, client

    def score(self, messages: Any, **kwargs: Any) -> list[float] | float:
        """Return one score a conversation, in order; see `ascore`."""
        return asyncio.run(self.ascore(messages, **kwargs))

    async def ascore(
        self, messages: Any, orchestrator: Any = None, **kwargs: Any
    ) -> list[float] | float:
        """Return one probability a conversation, in order.

        Raises `NoScoreError` if no verifier could say of one.
        """
        if hasattr(messages, "to_chat_messages"):
            messages = messages.to_chat_messages()
        several = not messages or isinstance(messages[0], Sequence)
        chats = [[_turn(turn) for turn in chat] for chat in (messages if several else [messages])]
        rows = [(query_of(chat[:-1]), text_of(chat[-1:]), None) for chat in chats]
        scores = [
            value for value in await rank_rows(rows, self._task, self._client) if value is not None
        ]
        if len(scores) < len(rows):
            raise NoScoreError("no verifier applies to one of the responses")
        return scores if several else scores[0]


def _turn(turn: Any) -> dict[str, Any]:
    return dict(turn) if isinstance(turn, dict) else dict(turn.to_dict())
