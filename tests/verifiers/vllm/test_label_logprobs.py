"""Labels read from logprobs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assay.verifiers import Pair, Query, Status
from assay.verifiers.judges.verdict import Judge, JudgeSettings
from assay.verifiers.vllm.label_logprobs import expected_value
from tests.support.fakes import FakeTransport

PAIRS = [Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")]


LABELS = {"token_id:1": "Yes", "token_id:2": "No"}


WORTH = {"Yes": 1.0, "No": 0.0}


def judge(transport: FakeTransport, **options: Any) -> Judge:
    """Return a judge on a fake server."""
    return Judge(JudgeSettings(name="j", model="m", endpoint="http://x", **options), transport)


def choice(index: int, **logprobs: float) -> dict[str, Any]:
    """Return a choice whose first position has these logprobs."""
    listed = [{"token": token, "logprob": logprob} for token, logprob in logprobs.items()]
    return {"index": index, "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]}}


def tokenize(asked: dict[str, Any]) -> tuple[int, Any]:
    """Give each label a token of its own."""
    return 200, {"tokens": [{"Yes": 1, "No": 2}[asked["prompt"]]]}


def test_an_absent_label_is_bounded_by_the_least_that_is_listed() -> None:
    """Absent is less than the smallest seen: never 0, never an error."""
    verdict = expected_value(
        {"Yes": math.log(0.6), "the": math.log(0.2)}, {"Yes": "Yes", "No": "No"}, WORTH
    )

    assert verdict.score == pytest.approx(0.6 / 0.8)
    assert verdict.label_mass == pytest.approx(0.6)


def test_no_label_at_all_is_no_score() -> None:
    """The model was not answering."""
    verdict = expected_value({"the": -0.1}, {"Yes": "Yes", "No": "No"}, WORTH)

    assert (verdict.score, verdict.status) == (None, Status.ERROR)


@pytest.mark.parametrize("yes", [-800.0, -9999.0])
def test_tiny_probabilities_neither_overflow_nor_divide_by_zero(yes: float) -> None:
    """Both labels may be far below what a float's exp can hold."""
    assert expected_value(
        {"token_id:1": yes, "token_id:2": yes}, LABELS, WORTH
    ).score == pytest.approx(0.5)


async def test_a_server_that_passes_over_token_ids_is_read_by_text() -> None:
    """The ids are not in the reply, so the top logprobs are asked for, from then on."""
    transport = FakeTransport(
        {
            "/tokenize": tokenize,
            "/v1/chat/completions": (200, {"choices": [choice(0, Yes=-0.5, No=-0.5)]}),
        }
    )
    made = judge(transport)

    first = await made.score(PAIRS[:1])
    await made.score(PAIRS[:1])

    assert first.items[0].score == 0.5
    assert [
        "logprob_token_ids" in asked
        for path, asked in transport.sent
        if path.endswith("completions")
    ] == [
        True,
        False,
        False,
    ]
