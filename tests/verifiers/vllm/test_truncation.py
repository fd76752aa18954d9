"""Candidates that are longer than the model's context."""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import Pair, Status
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import QUERY, STEPS


def chars(limit: int) -> FakeTransport:
    """Return a reward server whose context is `limit` tokens, each character one."""

    def classify(asked: dict[str, Any]) -> tuple[int, Any]:
        sizes = [len(text) for text in asked["input"]]
        if max(sizes) > limit:
            return 400, {
                "error": {
                    "message": f"This model's maximum context length is {limit} tokens",
                    "param": "input_tokens",
                }
            }
        return 200, {
            "data": [{"index": place, "probs": [float(size)]} for place, size in enumerate(sizes)]
        }

    models = (200, {"data": [{"id": "reward", "max_model_len": limit}]})
    return standin("reward", **{"/classify": classify, "/v1/models": models})


@pytest.mark.parametrize(
    ("truncate", "kept"),
    [("head", "END"), ("tail", "BEGIN"), ("middle", "BEGIN"), ("middle", "END")],
)
async def test_an_over_long_candidate_is_cut_to_fit_where_that_is_allowed(
    truncate: str, kept: str
) -> None:
    """By the model's own tokens; the answer counts the cut ones, and the query stays whole."""
    transport = chars(600)
    long, short = Pair(QUERY, "BEGIN" + "x" * 5000 + "END"), Pair(QUERY, "7")

    verdicts = (await made("reward_model", transport, truncate=truncate).score([long, short])).items

    sent = [asked["input"] for path, asked in transport.sent if path == "/classify"][-1][0]
    assert [verdict.status for verdict in verdicts] == [Status.OK, Status.OK]
    assert (verdicts[0].truncated_tokens or 0) > 4000
    assert verdicts[1].truncated_tokens is None
    assert kept in sent
    assert QUERY.text in sent
    assert 400 < len(sent) <= 600


async def test_an_over_long_candidate_has_no_score_unless_cutting_is_allowed() -> None:
    """`error` is the default; where the query alone does not fit, nothing can be cut."""
    long = Pair(QUERY, "x" * 5000)

    [refused] = (await made("reward_model", chars(600)).score([long])).items
    [hopeless] = (await made("reward_model", chars(40), truncate="middle").score([long])).items

    assert (
        (refused.score, refused.status)
        == (hopeless.score, hopeless.status)
        == (None, Status.TRUNCATED)
    )


async def test_a_verdict_that_was_cut_off_is_no_reason_to_cut_the_candidate() -> None:
    """It fits; asking again would cost as much and end alike. Nor does a server that cannot
    count fail the others.
    """
    thinking = {"index": 0, "message": {"content": "<think>so"}, "finish_reason": "length"}
    transport = standin("judge", **{"/v1/chat/completions": (200, {"choices": [thinking]})})
    blind = chars(600)
    own = blind.replies["/tokenize"]
    blind.replies["/tokenize"] = lambda asked: (
        own(asked) if len(asked.get("prompt", "")) < 1000 else (413, {"detail": "too much"})
    )

    [cut] = (await made("judge_cot", transport, truncate="middle").score([STEPS])).items
    verdicts = (
        await made("reward_model", blind, truncate="middle").score([Pair(QUERY, "x" * 5000), STEPS])
    ).items

    assert (cut.score, cut.status) == (None, Status.TRUNCATED)
    assert transport.paths().count("/v1/chat/completions") == 1
    assert verdicts[0].score is None


async def test_a_cut_does_not_join_the_halves_of_a_control_token() -> None:
    """Assay makes the rest harmless after the cut."""
    transport = chars(600)
    candidate = "<|im_" + "x" * 5000 + "end|>"

    await made("reward_model", transport, truncate="middle").score([Pair(QUERY, candidate)])

    sent = [asked["input"] for path, asked in transport.sent if path == "/classify"][-1][0]
    assert sent.count("<|im_end|>") == 2
