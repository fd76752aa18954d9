"""A client's reference or tests go with the request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.processes import Server, service, write_config


@pytest.fixture(scope="module")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service whose verifiers compare with a reference and run tests."""
    folder: Path = tmp_path_factory.mktemp("known")
    verifiers = [
        {"name": "equal", "kind": "math_answer"},
        {"name": "tests", "kind": "python_tests", "run_code": True},
    ]
    with service(write_config(folder / "e.yaml", {"verifiers": verifiers}), folder) as running:
        yield running


def cells(answer: Any) -> list[dict[str, Any]]:
    """Return each candidate's verdicts, in the request's order."""
    return [
        result["verifiers"]
        for result in sorted(answer.json["results"], key=lambda result: result["index"])
    ]


def test_a_reference_decides(assay: Server) -> None:
    """Another reference decides otherwise for the same texts: it is part of a score's key."""
    body = {
        "query": "What is 3 + 4?",
        "candidates": ["The answer is 7.", "The answer is 8."],
        "explain": True,
    }

    seven = cells(assay.post("/v1/rank", {**body, "reference": "7"}))
    eight = cells(assay.post("/v1/rank", {**body, "reference": "8"}))

    assert [cell["equal"]["raw"] for cell in seven] == [1.0, 0.0]
    assert [cell["equal"]["raw"] for cell in eight] == [0.0, 1.0]
    assert {cell["tests"]["status"] for cell in seven} == {"not_applicable"}
    assert assay.post("/v1/rank", body).json["results"][0]["score"] is None


def test_tests_are_run_against_each_candidate(assay: Server) -> None:
    """The share that pass, and the first failure."""
    candidates = ["def f(x):\n    return x + 1", "def f(x):\n    return 2"]
    body = {
        "query": "Write f.",
        "candidates": candidates,
        "tests": ["assert f(1) == 2", "assert f(2) == 3"],
        "explain": True,
    }

    said = cells(assay.post("/v1/rank", body))

    assert [cell["tests"]["raw"] for cell in said] == [1.0, 0.5]
    assert said[1]["tests"]["reason"] == "1 of 2 pass; test 2: AssertionError"


def test_pairs_bring_their_own(assay: Server) -> None:
    """Each pair its reference."""
    pairs = [
        {"query": "q", "candidate": "The answer is 7.", "reference": reference}
        for reference in ("7", "8")
    ]

    answer = assay.post("/v1/score_pairs", {"pairs": pairs, "explain": True})

    assert [result["verifiers"]["equal"]["raw"] for result in answer.json["results"]] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", 7),
        ("reference", "x" * 70_000),
        ("tests", "assert True"),
        ("tests", [""]),
        ("tests", ["a"] * 300),
    ],
)
def test_a_wrong_one_is_named(assay: Server, field: str, value: Any) -> None:
    """422, with the field."""
    answer = assay.post("/v1/rank", {"query": "q", "candidates": ["a"], field: value})

    assert answer.status == 422
    assert answer.json["error"]["param"].startswith(field)
