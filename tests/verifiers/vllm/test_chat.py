"""Chat completions, one by one and in batches."""

from __future__ import annotations

import pytest

from assay.verifiers.vllm.chat import Written, without_thinking
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.label_judges import PAIRS, judge_on, label_choice, tokenize_label


async def test_a_server_without_batches_is_asked_one_by_one() -> None:
    """404 for the batch form is remembered."""
    transport = FakeTransport(
        {
            "/tokenize": tokenize_label,
            "/v1/chat/completions": (
                200,
                {"choices": [label_choice(0, **{"token_id:1": -1, "token_id:2": -1})]},
            ),
        }
    )
    made = judge_on(transport)

    await made.score(PAIRS)
    verdicts = await made.score(PAIRS)

    assert [verdict.score for verdict in verdicts.items] == [0.5, 0.5]
    assert transport.paths().count("/v1/chat/completions/batch") == 1


@pytest.mark.parametrize(("text", "finish", "expected"), [
    ("<think>Verdict: No</think>\n\nVerdict: Yes", "stop", Written("Verdict: Yes", True)),
    ("reasoning</think>Verdict: Yes", "stop", Written("Verdict: Yes", True)),
    ("<think>Verdict: Yes", "length", Written("", False)), ("<think>a</think>b<think>c", "stop", Written("", False)),
    ("Verdict: Yes", "length", Written("Verdict: Yes", False)), ("", "stop", Written("", True)),
])  # fmt: skip
def test_thinking_is_left_out(text: str, finish: str, expected: Written) -> None:
    """A block that never ends was cut off, even if the server denies it."""
    assert without_thinking(text, finish) == expected
