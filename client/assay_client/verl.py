"""verl: a `compute_score` for its reward manager.

reward.custom_reward_function.path=pkg://assay_client.verl
reward.custom_reward_function.name=compute_score
+reward.custom_reward_function.reward_kwargs.missing=0.0
"""

from __future__ import annotations

from typing import Any

from .lone import process_run, score_one
from .missing import Missing
from .settings import RewardKind, settings_of
from .texts import query_of

#: verl asks of one response at a time, and takes any number for a reward.
REFUSED = {
    "skip": "verl cannot leave a sample out: choose raise, which ends the step, or a number",
    "group_mean": "verl asks of one response at a time: choose raise or a number",
}


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    task: str | None = None,
    missing: Missing | None = None,
    reward: RewardKind | None = None,
    learn: bool = False,
    **_: Any,
) -> dict[str, Any]:
    """Return {"score": a solution's reward, "assay_score": its log-odds, "assay_missing": 0 or 1}.

    The prompt is `extra_info["question"]` or `["prompt"]`. The options are verl's `reward_kwargs`,
    else ASSAY_TASK, ASSAY_MISSING and ASSAY_REWARD; the run is ASSAY_RUN, else the process's own.
    Raises `NoScoreError` if no verifier could say, unless `missing` is a number.
    """
    settings = settings_of(task, process_run(), missing, reward, learn, refused=REFUSED)
    info = extra_info or {}
    value, result = await score_one(
        query_of(info.get("question") or info.get("prompt") or ""),
        solution_str,
        ground_truth,
        settings,
    )
    return {
        "score": value,
        "assay_score": 0.0 if result is None else result.score,
        "assay_missing": float(result is None),
    }
