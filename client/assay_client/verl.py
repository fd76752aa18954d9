"""verl: a `compute_score` for its reward manager.

reward.custom_reward_function.path=pkg://assay_client.verl
reward.custom_reward_function.name=compute_score
+reward.custom_reward_function.reward_kwargs.missing=0.0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .exchange import Query
from .lone import process_run, score_one
from .missing import Missing
from .settings import RewardKind, settings_of
from .texts import is_blank, plain_value, query_of

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
    with_reference: bool = True,
    **_: Any,
) -> dict[str, Any]:
    """Return {"score": a solution's reward, "assay_score": its log-odds, "assay_missing": 0 or 1}.

    The prompt is `extra_info["question"]` or `["prompt"]`. The options are verl's `reward_kwargs`,
    else ASSAY_TASK, ASSAY_MISSING and ASSAY_REWARD; the run is ASSAY_RUN, else the process's own.
    `with_reference=False` leaves out a ground truth that is no right answer to compare with.
    Raises `NoScoreError` if no verifier could say, unless `missing` is a number, and `ValueError`
    without a prompt, for one that is neither a text nor messages, or for a ground truth that is
    neither a text nor a number.
    """
    settings = settings_of(task, process_run(), missing, reward, learn, refused=REFUSED)
    value, result = await score_one(
        _prompt_of(extra_info),
        solution_str,
        ground_truth if with_reference else None,
        settings,
    )
    return {
        "score": value,
        "assay_score": 0.0 if result is None else result.score,
        "assay_missing": float(result is None),
    }


def _prompt_of(extra_info: Any) -> Query:
    """Return the prompt; raise `ValueError` where there is none."""
    info = plain_value(extra_info)
    info = info if isinstance(info, Mapping) else {}
    for name in ("question", "prompt"):
        prompt = plain_value(info.get(name))
        if isinstance(prompt, str | list | tuple) and not is_blank(query := query_of(prompt)):
            return query
    raise ValueError(
        "verl hands compute_score no prompt: write it into each row's extra_info as `question` (a"
        f" text) or `prompt` (messages); this row has {sorted(map(str, info)) or 'none'}"
    )
