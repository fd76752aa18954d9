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
from .lone import process_run, rank_rows, score_one
from .missing import Missing
from .run import Run
from .settings import RewardKind, settings_of
from .texts import query_of, reference_of, text_of

ALONE = {"group_mean": "verifiers asks of one roll-out at a time: choose raise, skip or a number"}
READ_AS_0 = {"raise": "a rubric takes an error for a reward of 0: choose group_mean or a number"}


async def reward(task: Any, trace: Any) -> float:
    """Return the reward of a trace's last reply.

    Where no verifier could say, `NoScoreError` fails the roll-out, as a judge that fails does: it
    is no low reward, and verifiers leaves the roll-out out. ASSAY_MISSING may state a number.
    """
    settings = settings_of(run=process_run(), refused=ALONE)
    if settings.missing == "skip":
        settings = settings_of(run=settings.run, missing="raise")
    value, _ = await score_one(
        _prompt_of(task), trace.last_reply, getattr(task, "answer", None), settings
    )
    return float(value or 0.0)  # None was raised


def rubric_function(
    task: str | None = None,
    *,
    run: str | Run | None = None,
    missing: Missing | None = None,
    reward: RewardKind | None = None,
    learn: bool = False,
) -> Callable[..., Awaitable[list[float]]]:
    """Return a group reward: of each completion by itself, or its rank in the group ("rank").

    A gap is the mean of its prompt's others ("group_mean", the default). "skip" is NaN, which a
    rubric keeps, and which spoils the advantages of its whole group; an error it would read as 0.
    """
    settings = settings_of(
        task, run, missing, reward, learn, default="group_mean", refused=READ_AS_0
    )

    async def assay_reward(
        prompts: Sequence[Any], completions: Sequence[Any], answers: Sequence[Any]
    ) -> list[float]:
        rows = [
            (query_of(prompt), text_of(completion), reference_of(answer))
            for prompt, completion, answer in zip(prompts, completions, answers, strict=True)
        ]
        rewards = await rank_rows(rows, settings)
        return [math.nan if value is None else value for value in rewards]

    assay_reward.settings = settings  # type: ignore[attr-defined]  # for whoever wants its version
    return assay_reward


def _prompt_of(task: Any) -> Query:
    """Return a task's prompt: a text, or its messages."""
    if isinstance(task.prompt, str) or task.prompt is None:
        return str(task.prompt_text)
    return query_of([message.model_dump() for message in task.prompt])
