"""A judge that answers with one of two labels, and its server's replies."""

from __future__ import annotations

from typing import Any

from assay.verifiers import Pair, Query
from assay.verifiers.judges.verdict import Judge, JudgeSettings
from tests.support.verifiers.fakes import FakeTransport

PAIRS = [Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")]

#: What each token id stands for.
LABELS = {"token_id:1": "Yes", "token_id:2": "No"}

#: The score of each label.
WORTH = {"Yes": 1.0, "No": 0.0}


def judge_on(transport: FakeTransport, **options: Any) -> Judge:
    """Return a judge on a fake server."""
    return Judge(JudgeSettings(name="j", model="m", endpoint="http://x", **options), transport)


def label_choice(index: int, **logprobs: float) -> dict[str, Any]:
    """Return a choice whose first position has these logprobs."""
    listed = [{"token": token, "logprob": logprob} for token, logprob in logprobs.items()]
    return {"index": index, "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]}}


def tokenize_label(asked: dict[str, Any]) -> tuple[int, Any]:
    """Give each label a token of its own."""
    return 200, {"tokens": [{"Yes": 1, "No": 2}[asked["prompt"]]]}
