"""A judge that rates."""

from __future__ import annotations

import math

import pytest

from assay.verifiers.judges.scale import JudgeScaleSettings
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import PAIR


async def test_a_rating_is_the_expected_one() -> None:
    """Over all labels, not the likeliest: 0.5 * 4 + 0.25 * 5 + 0.25 * 1."""
    listed = [
        {"token": f"token_id:{100 + ord(sign)}", "logprob": math.log(p)}
        for sign, p in {"4": 0.5, "5": 0.25, "1": 0.25, "2": 1e-30, "3": 1e-30}.items()
    ]
    choice = {"index": 0, "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]}}
    judge = made(
        "judge_scale", standin("judge", **{"/v1/chat/completions": (200, {"choices": [choice]})})
    )

    [verdict] = (await judge.score([PAIR])).items

    assert verdict.score == pytest.approx(3.5)
    assert judge.bounds == (1.0, 5.0)


def test_twenty_levels_are_letters() -> None:
    """10 would be two tokens to most models."""
    settings = JudgeScaleSettings(name="s", model="m", endpoint="http://x", levels=20)

    assert settings.labels == tuple("ABCDEFGHIJKLMNOPQRST")
