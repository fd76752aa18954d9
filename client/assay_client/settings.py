"""The settings that all reward functions share: task, run, kind of reward, and gaps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .answers import PairScore, Ranked, Ranking, Scores
from .errors import AssayError
from .missing import Missing, missing_of
from .run import Run, run_of

RewardKind = Literal["probability", "log_odds", "rank", "denoised"]
PartialRewards = Literal["mark", "refuse"]
#: How long an outage may last before a reward function raises, in seconds.
PATIENCE_S = 300.0
#: How the service's warning of a missing reward begins.
NO_REWARD = "no_reward:"


@dataclass(frozen=True)
class RewardOptions:
    """A reward function's settings.

    `missing`: see `assay_client.missing`. `learn`: whether the task may learn from the roll-outs
    of this run; they are the policy's own, so it may not unless somebody asks. `partial`: whether
    an answer that lacks a failed verifier is taken, or waited for and then missing ("refuse").
    """

    task: str
    run: Run
    missing: Missing
    kind: RewardKind = "probability"
    learn: bool = False
    partial: PartialRewards = "mark"

    def options(self) -> dict[str, Any]:
        """Return the options of a request."""
        learn = {"learn": True} if self.learn else {}
        partial = {} if self.partial == "mark" else {"partial": self.partial}
        # A trainer wants a number: before a calibration one that only orders.
        return {
            "task": self.task,
            "uncalibrated": "number",
            **learn,
            **partial,
            "reward": self.kind,
        }

    def reward_of(self, result: Ranked | PairScore) -> float | None:
        """Return a result's reward of this kind, None where no verifier judged it.

        Where the service answers null for its `reward`, that is a gap: a lone completion has no
        rank, and one that only checks of form scored has no reward. Raises `AssayError` if the
        service does not know the kind.
        """
        if result.probability is None:
            return None
        fields = result.model_extra or {}
        if "reward" in fields:
            return None if fields["reward"] is None else float(fields["reward"])
        if self.kind == "log_odds":
            return result.score
        if self.kind == "probability":
            return result.probability
        raise AssayError(f"the service gives no reward of the kind {self.kind!r}: upgrade it")


def settings_of(
    task: str | None = None,
    run: str | Run | None = None,
    missing: Missing | str | None = None,
    reward: RewardKind | None = None,
    learn: bool = False,
    *,
    partial: PartialRewards = "mark",
    default: Missing = "raise",
    refused: dict[str, str] | None = None,
) -> RewardOptions:
    """Return settings: as stated, else of ASSAY_TASK, ASSAY_RUN, ASSAY_MISSING, ASSAY_REWARD.

    `default` and `refused`: what a trainer does with a gap, see `missing_of`. Raises `ValueError`
    for a setting that cannot be.
    """
    kind: Any = reward or os.environ.get("ASSAY_REWARD") or "probability"
    if kind not in get_args(RewardKind):
        raise ValueError(f"reward: one of {', '.join(get_args(RewardKind))} (got {kind!r})")
    gaps = missing_of(missing, default, refused or {})
    return RewardOptions(
        task=task_name(task),
        run=run_of(run),
        missing=gaps,
        kind=kind,
        learn=learn,
        partial=partial,
    )


def task_name(task: str | None = None) -> str:
    """Return a task's name: as given, else ASSAY_TASK, else `default`."""
    return task or os.environ.get("ASSAY_TASK") or "default"


def by_place(
    results: Sequence[Ranked | PairScore], count: int, settings: RewardOptions
) -> list[float | None]:
    """Return the rewards of candidates in the request's order; None for one left out."""
    rewards = {result.index: settings.reward_of(result) for result in results}
    return [rewards.get(place) for place in range(count)]


def rewards_of(
    answer: Ranking | Scores, count: int, settings: RewardOptions
) -> tuple[list[float | None], str | None]:
    """Return an answer's rewards in the request's order, and its word on those it has not.

    Raises `AssayError` if the run's version has no rewards of the kind "denoised" at all: no
    number may stand for every reward of a run.
    """
    rewards = by_place(answer.results, count, settings)
    reason = next((text for text in answer.warnings if text.startswith(NO_REWARD)), None)
    has_scores = any(result.score is not None for result in answer.results)
    if (
        settings.kind == "denoised"
        and reason is not None
        and has_scores
        and all(reward is None for reward in rewards)
    ):
        raise AssayError(reason, code="no_reward", param="reward")
    return rewards, reason


def refuse_rank(settings: RewardOptions) -> None:
    """Raise `ValueError` for ranks where a trainer asks of one completion at a time."""
    if settings.kind == "rank":
        raise ValueError(
            "reward='rank': this trainer asks of one completion at a time, and a lone one has no"
            " rank: choose probability, log_odds or denoised"
        )
