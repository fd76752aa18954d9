"""verifiers: a task's reward by configuration, or a rubric's function before 0.2.

[env.taskset.task.rewards.assay]    # the task of Assay is ASSAY_TASK, else `default`
fn = "assay_client.verifiers:reward"

rubric = vf.Rubric(funcs=[assay_client.verifiers.rubric_function("math")])         # before 0.2
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .exchange import Query
from .lone import rank_rows, score_one
from .texts import query_of, text_of


async def reward(task: Any, trace: Any) -> float:
    """Return the probability that a trace's last reply is correct.

    Where no verifier could say, `NoScoreError` fails the roll-out, as a judge that fails does: it
    is no low reward.
    """
    result = await score_one(_prompt_of(task), trace.last_reply, getattr(task, "answer", None))
    return float(result.probability or 0.0)


def rubric_function(task: str | None = None) -> Callable[..., Awaitable[list[float]]]:
    """Return a group reward that ranks completions of one prompt together; NaN without a score."""

    async def assay_reward(
        prompts: Sequence[Any], completions: Sequence[Any], answers: Sequence[Any]
    ) -> list[float]:
        rows = [
            (query_of(prompt), text_of(completion), str(answer or "") or None)
            for prompt, completion, answer in zip(prompts, completions, answers, strict=True)
        ]
        # An error would be read as a reward of 0.
        return [math.nan if value is None else value for value in await rank_rows(rows, task)]

    return assay_reward


def _prompt_of(task: Any) -> Query:
    """Return a task's prompt: a text, or its messages."""
    if isinstance(task.prompt, str) or task.prompt is None:
        return str(task.prompt_text)
    return query_of([message.model_dump() for message in task.prompt])
