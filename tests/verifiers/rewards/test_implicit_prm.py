"""Rewards from the likelihoods of two models."""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import BadReplyError, Pair, Status
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import QUERY, STEPS


async def test_models_of_two_families_have_no_log_ratio() -> None:
    """Their tokens differ, so their likelihoods cannot be compared."""
    transport = standin("judge")
    own = transport.replies["/v1/completions"]

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        status, reply = own(asked)
        if asked["model"] == "reference":
            for choice in reply["choices"]:
                choice["prompt_logprobs"].pop()
        return status, reply

    transport.replies["/v1/completions"] = answer

    with pytest.raises(BadReplyError, match="one family"):
        await made("implicit_prm", transport).score([STEPS])


async def test_an_implicit_reward_is_summed_up_to_each_step() -> None:
    """The last is the whole; the least is at most that, and the mean lies between."""
    scores = {}
    for reduction in ("last", "min", "mean"):
        scores[reduction] = (await made("implicit_prm", reduction=reduction).score([STEPS])).items[
            0
        ].score or 0.0

    assert scores["min"] <= min(scores["last"], scores["mean"])
    assert scores["mean"] != scores["last"]


async def test_an_implicit_reward_of_hundreds_of_steps_is_not_asked_step_by_step() -> None:
    """Each would be tokenized with all before it; where only the whole counts, steps do not
    matter.
    """
    hostile = Pair(QUERY, "a\n\n" * 600)
    [least] = (await made("implicit_prm", reduction="min").score([hostile])).items
    [whole] = (await made("implicit_prm", reduction="last").score([hostile])).items

    assert (least.score, least.status) == (None, Status.TRUNCATED)
    assert whole.score is not None
