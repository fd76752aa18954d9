"""verl: a `compute_score` for its reward manager (reward.custom_reward_function.path=.../verl.py, name=compute_score)."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from .client import AsyncClient
from .texts import query_of


@cache
def _client() -> AsyncClient:
    return AsyncClient()


async def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: dict[str, Any] | None = None, **_: Any
) -> dict[str, Any]:
    """Return {"score": the probability that a solution is correct}; raise `NoScoreError` where no verifier could say.

    The prompt is `extra_info["question"]` or `["prompt"]`; the task is ASSAY_TASK, else `default`.
    """
    info = extra_info or {}
    query = query_of(info.get("question") or info.get("prompt") or "")
    if not isinstance(query, str):
        query = "\n\n".join(turn["content"] for turn in query)
    pair = {"query": query, "candidate": solution_str, "reference": None if ground_truth is None else str(ground_truth)}
    pair = {key: value for key, value in pair.items() if value is not None}
    found = await _client().score_pairs([pair], task=os.environ.get("ASSAY_TASK", "default"))
    result = found.results[0]
    if result.probability is None:
        from .errors import NoScoreError

        raise NoScoreError("no verifier applies to this solution")
    return {"score": result.probability, "assay_score": result.score, "assay_partial": found.partial}
