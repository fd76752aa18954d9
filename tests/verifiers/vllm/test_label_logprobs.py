"""Labels read from logprobs."""

from __future__ import annotations

import math

import pytest

from assay.verifiers import Status
from assay.verifiers.vllm.label_logprobs import expected_value
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.label_judges import (
    LABELS,
    PAIRS,
    WORTH,
    judge_on,
    label_choice,
    tokenize_label,
)


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
    """Both labels may lie far below the range of a float's exp."""
    assert expected_value(
        {"token_id:1": yes, "token_id:2": yes}, LABELS, WORTH
    ).score == pytest.approx(0.5)


async def test_a_server_that_passes_over_token_ids_is_read_by_text() -> None:
    """The reply lacks the ids, so later requests want the top logprobs."""
    transport = FakeTransport(
        {
            "/tokenize": tokenize_label,
            "/v1/chat/completions": (200, {"choices": [label_choice(0, Yes=-0.5, No=-0.5)]}),
        }
    )
    made = judge_on(transport)

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
