"""TRL: a reward function for GRPO and RLOO, and a judge of pairs.

trainer = GRPOTrainer(model, reward_funcs=reward_function(task="math"), ...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from .client import Client
from .errors import NoScoreError
from .texts import query_of, text_of

Reward = Callable[..., list[float | None]]


def reward_function(
    task: str = "default",
    client: Client | None = None,
    reference: str | None = None,
    **options: Any,
) -> Reward:
    """Return a reward function: a number in [0, 1] for each completion, None without any score.

    It is P(correct) once the task is calibrated or states a base rate; before, it only orders.
    Completions of one prompt that stand side by side, as GRPO has them, are ranked together.
    `reference` names the data set's column with right answers, where it has one.
    """
    ranker = client or Client()

    def assay_reward(
        prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> list[float | None]:
        rows = list(range(len(completions)))
        references = columns.get(reference) if reference else None

        def key(row: int) -> tuple[str, str | None]:
            return repr(prompts[row]), None if references is None or references[
                row
            ] is None else str(references[row])

        groups = [list(group) for _, group in groupby(rows, key)]

        def rank(group: list[int]) -> list[float | None]:
            try:
                texts = [text_of(completions[row]) for row in group]
                return ranker.rank(
                    query_of(prompts[group[0]]),
                    texts,
                    task=task,
                    reference=key(group[0])[1],
                    **{"uncalibrated": "number", **options},
                ).probabilities()
            except NoScoreError:
                return [None] * len(group)

        with ThreadPoolExecutor(min(16, len(groups) or 1)) as pool:
            return [reward for rewards in pool.map(rank, groups) for reward in rewards]

    return assay_reward


class PairwiseJudge:
    """Chooses the better of two completions, as TRL's `BasePairwiseJudge`: 0, 1, or -1."""

    def __init__(self, task: str = "default", client: Client | None = None) -> None:
        self._task, self._client = task, client or Client()

    def judge(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Sequence[Any]],
        shuffle_order: bool = True,
    ) -> list[int]:
        """Return the better one's place for each prompt; their order changes nothing."""

        def judge_one(prompt: Any, pair: Sequence[Any]) -> int:
            try:
                best = self._client.rank(
                    query_of(prompt), [text_of(completion) for completion in pair], task=self._task
                ).best
            except NoScoreError:
                return -1
            return -1 if best.score is None else best.index

        with ThreadPoolExecutor(min(16, len(prompts) or 1)) as pool:
            return list(pool.map(judge_one, prompts, completions))
