"""Sixty plain questions to the ensemble that the service has without a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.jsonl import read_jsonl
from tests.support.servers.processes import Server, service

QUESTIONS = read_jsonl(Path(__file__).parents[2] / "data" / "plain_questions" / "questions.jsonl")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it comes."""
    with service(None, tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.mark.parametrize("question", QUESTIONS, ids=[row["query"][:40] for row in QUESTIONS])
def test_no_refusal_and_no_empty_word_stands_above_a_right_answer(
    running: Server, question: dict[str, Any]
) -> None:
    """Nor a wrong answer where arithmetic decides; elsewhere it says that nothing was judged."""
    right, wrong, empty = (question[name] for name in ("right", "wrong", "empty"))
    texts = [*right, *wrong, *empty]
    answer = running.post("/v1/rank", {"query": question["query"], "candidates": texts}).json
    scores = [0.0] * len(texts)
    for result in answer["results"]:
        scores[result["index"]] = result["score"]
        assert result["probability"] is None
    lowest_right = min(scores[: len(right)])

    assert max(scores[len(right) + len(wrong) :]) < lowest_right
    if question.get("decided"):
        assert max(scores[len(right) : len(right) + len(wrong)]) < lowest_right
    elif not question.get("judged"):  # two of its candidates give an answer of the same value
        assert any(warning.startswith("nothing_judged: ") for warning in answer["warnings"])
