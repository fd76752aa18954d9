"""Impossible numbers in replies: scores, logprobs, places, costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from assay.verifiers import Status, Verdict
from assay.verifiers.contract.bounds import enforce_bounds
from tests.support.verifiers.kinds import PAIRS, made, standin
from tests.support.verifiers.reply_changes import with_changed_replies

BOUNDED = {
    "cross_encoder": ("score",),
    "generative_scoring": ("score",),
    "nli": ("probs",),
    "process_reward": ("data",),
    "http": ("scores",),
}


def beyond(value: float) -> Callable[[Any], Any]:
    """Return a function that sets the last row's score."""

    def change(reply: Any) -> Any:
        if "scores" in reply:
            reply["scores"][-1] = value
            return reply
        row = reply["data"][-1]
        if "score" in row:
            row["score"] = value
        elif "probs" in row:
            row["probs"] = [value for _ in row["probs"]]
        else:
            row["data"] = [[value for _ in step] for step in row["data"]]
        return reply

    return change


@pytest.mark.parametrize("value", [2.5, -1.0, 1.01, -1e-3, 1e308])
@pytest.mark.parametrize("kind", sorted(BOUNDED))
async def test_a_score_outside_its_kinds_bounds_is_a_failure_of_its_candidate(
    kind: str, value: float
) -> None:
    """It has a reason, and the other candidate keeps its score."""
    first, second = (await made(kind, with_changed_replies(kind, beyond(value))).score(PAIRS)).items

    assert (first.status, second.status, second.score) == (Status.OK, Status.ERROR, None)
    assert (second.reason or "").startswith("bad_reply: the score")
    assert "outside 0 to 1" in (second.reason or "")


@pytest.mark.parametrize("kind", sorted(BOUNDED))
async def test_what_rounding_adds_is_taken_for_the_bound(kind: str) -> None:
    """A softmax in half precision may say a little more than 1."""
    verdict = (await made(kind, with_changed_replies(kind, beyond(1 + 1e-7))).score(PAIRS)).items[1]

    assert (verdict.status, verdict.score) == (Status.OK, 1.0)


@pytest.mark.parametrize("value", [1e200, -1e308])
@pytest.mark.parametrize("kind", ["reward_model", "reward_tokens"])
async def test_a_reward_beyond_all_measure_is_none(kind: str, value: float) -> None:
    """Its square would be no number."""
    first, second = (await made(kind, with_changed_replies(kind, beyond(value))).score(PAIRS)).items

    assert (first.status, second.status, second.score) == (Status.OK, Status.ERROR, None)


async def test_steps_that_are_wrong_do_not_make_a_product_that_is_right() -> None:
    """2.5 times 0.2 is 0.5."""

    def change(reply: Any) -> Any:
        for row in reply["data"]:
            row["data"] = [[0.0, 2.5 if place == 0 else 0.2] for place, _ in enumerate(row["data"])]
        return reply

    verdicts = (
        await made(
            "process_reward", with_changed_replies("process_reward", change), reduction="product"
        ).score(PAIRS)
    ).items

    assert [each.score for each in verdicts] == [None, None]


def logprobs(value: float) -> Callable[[Any], Any]:
    """Return a function that sets every logprob."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: value if key == "logprob" else walk(each) for key, each in node.items()}
        return [walk(each) for each in node] if isinstance(node, list) else node

    return walk


@pytest.mark.parametrize("value", [5.0, 800.0, 1e308])
@pytest.mark.parametrize(
    "kind",
    [
        "judge",
        "judge_scale",
        "judge_rubric",
        "judge_reference",
        "judge_pairwise",
        "likelihood",
        "implicit_prm",
        "label_token_prm",
    ],
)
async def test_a_logprob_above_zero_is_no_score(kind: str, value: float) -> None:
    """Nor an error of arithmetic."""
    verdicts = (await made(kind, with_changed_replies(kind, logprobs(value))).score(PAIRS)).items

    assert [each.score for each in verdicts] == [None, None]
    assert all(each.reason for each in verdicts)


@pytest.mark.parametrize(
    ("score", "bounds", "kept"),
    [
        (0.5, (0.0, 1.0), 0.5),
        (1.5, (0.0, 1.0), None),
        (-0.1, (0.0, 1.0), None),
        (math.nan, None, None),
        (math.inf, None, None),
        (1e101, None, None),
        (1.0000001, (-1.0, 1.0), 1.0),
        (5.2, (1.0, 5.0), None),
        (1e99, None, 1e99),
    ],
)
def test_what_any_verifier_says_is_checked(
    score: float, bounds: tuple[float, float] | None, kept: float | None
) -> None:
    """Also a user's own; an invalid score is a failure with a reason."""
    fine, other = enforce_bounds(
        [Verdict(0.5 if bounds is None or bounds[0] < 0.5 else 2.0), Verdict(score)], bounds
    )

    assert fine.status is Status.OK
    assert other.score == kept
    assert (other.status is Status.ERROR) is (kept is None)


@pytest.mark.parametrize("version", ["9" * 5000, "0." + "1" * 5000, "", "v", "-1"])
async def test_a_version_of_any_length_costs_no_score(version: str) -> None:
    """Its digits are more than Python reads."""
    transport = standin("rerank", **{"/version": (200, {"version": version})})

    verdicts = (await made("cross_encoder", transport, activation=False).score(PAIRS)).items

    assert all(each.status is Status.OK for each in verdicts)
