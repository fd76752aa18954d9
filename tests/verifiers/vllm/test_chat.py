"""Chat completions, one by one and in batches."""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import Pair, Query
from assay.verifiers.judges.verdict import Judge, JudgeSettings
from assay.verifiers.vllm.chat import Written, without_thinking
from tests.support.fakes import FakeTransport

PAIRS = [Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")]


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


async def test_a_server_without_batches_is_asked_one_by_one() -> None:
    """404 for the batch form is remembered."""
    transport = FakeTransport(
        {
            "/tokenize": tokenize,
            "/v1/chat/completions": (
                200,
                {"choices": [choice(0, **{"token_id:1": -1, "token_id:2": -1})]},
            ),
        }
    )
    made = judge(transport)

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
    """A block that never ends was cut off, whatever the server says."""
    assert without_thinking(text, finish) == expected
