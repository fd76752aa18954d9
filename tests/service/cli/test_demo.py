"""`assay demo`: ranks the bundled candidates, and shows the gain."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from assay.service.cli.demo import WORD_PROBLEMS, Problem, expected, load_problems, measure, votes
from tests.support.servers.processes import ROOT, assay


def test_the_demo_prints_its_table_as_json(tmp_path: Path) -> None:
    """On a free port; the numbers lie where they must."""
    done = assay("demo", "--once", "--json", "--port", "0", "--data-dir", tmp_path, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    share = {row["method"]: row["selection_at_1"] for row in figures["methods"]}
    assert (figures["problems"], figures["candidates"]) == (150, 8)
    assert set(share) == {
        "first sample",
        "majority",
        "consensus",
        "arithmetic",
        "relevance",
        "completeness",
        "refusal",
        "Assay",
        "oracle",
    }
    assert share["first sample"] < share["Assay"] < share["oracle"]
    assert all(row["low"] <= row["selection_at_1"] <= row["high"] for row in figures["methods"])


def test_the_bundled_candidates_are_graded_as_stated() -> None:
    """The last number of a complete text is the answer, or it is not."""
    rows = [json.loads(line) for line in WORD_PROBLEMS.read_text().splitlines()]
    sys.path.insert(0, str(ROOT / "deploy" / "demo"))
    try:
        from sample_word_problems import is_correct, problems  # type: ignore[import-not-found,unused-ignore]
    finally:
        sys.path.pop(0)

    assert [(row["query"], row["answer"]) for row in rows] == list(problems(len(rows), 7))
    for row in rows:
        for each in row["candidates"]:
            assert each["correct"] == is_correct(each["text"], each["finish_reason"], row["answer"])
    assert all(len(problem.texts) == 8 for problem in load_problems(WORD_PROBLEMS))


def test_ties_count_at_their_expected_value() -> None:
    """And where nothing is scored, any candidate may be taken."""
    correct = np.array([1.0, 0.0, 0.0, 1.0])

    assert expected(np.array([3.0, 3.0, 1.0, 0.0]), correct) == 0.5
    assert expected(np.array([np.nan, 2.0, np.nan, 1.0]), correct) == 0.0
    assert expected(np.full(4, np.nan), correct) == 0.5
    assert votes(["is 7", "7.", "none", "8"]).tolist() == pytest.approx(
        [2, 2, np.nan, 1], nan_ok=True
    )


def answer(*scores: float | None) -> dict[str, object]:
    """Return the service's answer with one verifier's scores, best last in the request's order."""
    results = [
        {"index": place, "score": score, "verifiers": {"v": {"raw": score}}}
        for place, score in enumerate(scores)
    ]
    return {"results": list(reversed(results))}


def test_each_way_of_choosing_is_measured_on_the_same_problems() -> None:
    """In the request's order, for any order of the answer; with an interval around it."""
    texts = ["is 7", "is 8", "is 8"]
    problems = [
        Problem("q", texts, correct) for correct in ([True, False, False], [False, True, True])
    ]

    figures = measure(problems, [answer(0.1, 0.9, None), answer(0.1, 0.9, None)])

    assert (figures["problems"], figures["candidates"]) == (2, 3)
    assert {row["method"]: row["selection_at_1"] for row in figures["methods"]} == {
        "first sample": 0.5,
        "majority": 0.5,
        "v": 0.5,
        "Assay": 0.5,
        "oracle": 1.0,
    }
    assert all(row["low"] <= row["selection_at_1"] <= row["high"] for row in figures["methods"])
