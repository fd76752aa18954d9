"""inspect-ai: a scorer.

Task(dataset=..., solver=generate(), scorer=assay_scorer("math"))
"""

from __future__ import annotations

from typing import Any

from inspect_ai.model import ChatMessage
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState

from .errors import NoScoreError
from .lone import score_one
from .texts import query_of


@scorer(metrics=[mean(), stderr()])  # type: ignore[untyped-decorator,unused-ignore]  # inspect-ai may not be installed
def assay_scorer(task: str | None = None, with_target: bool = False) -> Scorer:
    """Score outputs by P(correct); an output without any score is unscored, not 0.

    `with_target`: hand the sample's target to verifiers that compare with a right answer; off,
    since scores then leak it.
    """

    async def score(state: TaskState, target: Target) -> Score:
        prompt = [message for message in state.messages if message is not state.output.message]
        reference = target.text if with_target else None
        try:
            result = await score_one(
                query_of([_turn(message) for message in prompt]),
                state.output.completion,
                reference,
                task,
            )
        except NoScoreError as exc:
            return Score.unscored(
                reason="grader_failed", answer=state.output.completion, explanation=str(exc)
            )
        return Score(
            value=result.probability,
            answer=state.output.completion,
            metadata={"assay_score": result.score},
        )

    return score


def _turn(message: ChatMessage) -> dict[str, Any]:
    return {"role": message.role, "content": message.text}
