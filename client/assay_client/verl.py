"""verl: a `compute_score` for its reward manager.

reward.custom_reward_function.path=pkg://assay_client.verl
reward.custom_reward_function.name=compute_score
"""

from __future__ import annotations

from typing import Any

from .lone import score_one
from .texts import query_of


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Return {"score": the probability that a solution is correct}.

    Raises `NoScoreError` if no verifier could say.

    The prompt is `extra_info["question"]` or `["prompt"]`; the task is ASSAY_TASK, else `default`.
    """
    info = extra_info or {}
    result = await score_one(
        query_of(info.get("question") or info.get("prompt") or ""), solution_str, ground_truth
    )
    return {"score": result.probability, "assay_score": result.score}
