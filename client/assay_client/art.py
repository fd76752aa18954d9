"""ART: rewards of a group of trajectories, in the place of `ruler_score_group`.

groups = await art.gather_trajectory_groups(..., after_each=group_scorer("math"))
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from .client import AsyncClient
from .lone import Row, rank_rows
from .missing import Missing
from .run import Run
from .settings import RewardKind, settings_of
from .texts import query_of, text_of

#: ART's TrajectoryGroup, which need not be installed here.
Group = Any
FEWEST = 2  # trajectories that have an advantage over each other


def group_scorer(
    task: str | None = None,
    *,
    client: AsyncClient | None = None,
    run: str | Run | None = None,
    missing: Missing | None = None,
    reward: RewardKind | None = None,
    learn: bool = False,
) -> Callable[[Group], Awaitable[Group | None]]:
    """Return a function that rewards the trajectories of a group, each by itself.

    A trajectory has the same reward in any group; `reward="rank"` is its rank within the group.
    The query is what comes before a trajectory's first reply, the candidate the last text of its
    replies: a trajectory may end in a call of a tool, which has none. With
    "skip" (the default) a trajectory without a score leaves the group, and a group with fewer than
    two is None, which ART leaves out. The reward before is in `metrics["independent_reward"]`.
    """
    settings = settings_of(task, run, missing, reward, learn, default="skip")

    async def score_group(group: Group) -> Group | None:
        rewards = await rank_rows(
            [_row(trajectory) for trajectory in group.trajectories], settings, client, math.nan
        )
        scored = [
            _rewarded(trajectory, value, settings.run)
            for trajectory, value in zip(group.trajectories, rewards, strict=True)
            if value is not None and not math.isnan(value)
        ]
        if len(scored) < min(FEWEST, len(rewards)):
            return None
        copied = group.__class__(scored, metadata=group.metadata, metrics=group.metrics)
        copied.exceptions, copied.logs = group.exceptions, group.logs
        return copied

    return score_group


def _row(trajectory: Any) -> Row:
    """Return a trajectory's question and the last text of its replies."""
    turns = trajectory.messages()
    replies = [place for place, turn in enumerate(turns) if turn.get("role") == "assistant"]
    if not replies:
        return query_of(turns), "", None
    return query_of(turns[: replies[0]]), text_of(turns), None


def _rewarded(trajectory: Any, reward: float, run: Run) -> Any:
    metrics = {**trajectory.metrics, "independent_reward": trajectory.reward}
    metadata = {**trajectory.metadata, "assay_version": run.version, "assay_run": run.name}
    changes = {"reward": reward, "metrics": metrics, "metadata": metadata}
    return trajectory.model_copy(update=changes)
