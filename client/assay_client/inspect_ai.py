"""inspect-ai: a scorer.

Task(dataset=..., solver=generate(), scorer=assay_scorer("math"))
"""

from __future__ import annotations

from typing import Any

from inspect_ai.model import ChatMessage
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState

from .lone import score_one
from .missing import Missing
from .run import Run
from .settings import RewardKind, settings_of
from .texts import query_of

REFUSED = {"group_mean": "inspect-ai asks of one sample at a time: choose raise, skip or a number"}


@scorer(metrics=[mean(), stderr()])  # type: ignore[untyped-decorator,unused-ignore]  # inspect-ai may not be installed
def assay_scorer(
    task: str | None = None,
    with_target: bool = False,
    run: str | Run | None = None,
    missing: Missing | None = None,
    reward: RewardKind | None = None,
    learn: bool = False,
) -> Scorer:
    """Score outputs by P(correct); an output without any score is unscored ("skip"), not 0.

    `with_target`: hand the sample's target to verifiers that compare with a right answer; off,
    since scores then leak it. All samples are scored by one version, or an error.
    """
    settings = settings_of(task, run, missing, reward, learn, default="skip", refused=REFUSED)

    async def score(state: TaskState, target: Target) -> Score:
        prompt = [message for message in state.messages if message is not state.output.message]
        value, result = await score_one(
            query_of([_turn(message) for message in prompt]),
            state.output.completion,
            target.text if with_target else None,
            settings,
        )
        if value is None:
            return Score.unscored(
                reason="grader_failed",
                answer=state.output.completion,
                explanation="no verifier could score this output",
            )
        return Score(
            value=value,
            answer=state.output.completion,
            metadata={
                "assay_score": None if result is None else result.score,
                "assay_version": settings.run.version,
            },
        )

    return score


def _turn(message: ChatMessage) -> dict[str, Any]:
    return {"role": message.role, "content": message.text}
