"""A judge of several criteria."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import PAIR


@pytest.mark.parametrize(
    ("combine", "expected"),
    [("mean", (3 * 0.8 + 0.4) / 4), ("min", 0.4), ("product", 0.8**3 * 0.4)],
)
async def test_criteria_are_asked_one_by_one_and_combined(combine: str, expected: float) -> None:
    """With their weights; the reason lists each score."""

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        choices = []
        for place, messages in enumerate(asked["messages"]):
            p = 0.8 if "It is right." in messages[-1]["content"] else 0.4
            listed = [
                {"token": "token_id:4", "logprob": math.log(p)},
                {"token": "token_id:5", "logprob": math.log(1 - p)},
            ]
            choices.append(
                {"index": place, "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]}}
            )
        return 200, {"choices": choices}

    criteria = [
        {"name": "right", "text": "It is right.", "weight": 3},
        {"name": "short", "text": "It is short."},
    ]
    judge = made(
        "judge_rubric",
        standin("judge", **{"/v1/chat/completions/batch": answer}),
        criteria=criteria,
        combine=combine,
    )

    [verdict] = (await judge.score([PAIR])).items

    assert verdict.score == pytest.approx(expected)
    assert verdict.reason == "right 0.80, short 0.40"
