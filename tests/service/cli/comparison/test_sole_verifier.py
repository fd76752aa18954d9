"""Score tables as systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.comparison.candidate_rows import SystemFile, read_system
from assay.service.cli.comparison.choices import SimpleChoice
from assay.service.cli.comparison.file_comparison import compared
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.cli.comparison.sole_verifier import (
    refuse_several_verifiers,
    with_sole_verifier,
)
from assay.service.cli.comparison.systems import ComparedFiles
from assay.service.row_files.column_map import ColumnMap
from tests.service.cli.comparison.test_flat_rows import write


def system(path: Path, scores: list[dict[str, Any]], columns: str | None = None) -> SystemFile:
    """Return the system of a score table whose rows have these columns."""
    rows = [
        {"query_id": f"q{row // 2}", "candidate": f"c{row % 2}", **scores[row % len(scores)]}
        for row in range(8)
    ]
    return with_sole_verifier(read_system(write(path, *rows), ColumnMap.parse(columns)))


@pytest.mark.parametrize(
    ("scores", "column"),
    [
        ([{"scores": {"m/x": 1.5}}, {"scores": {"m/x": -0.5}}], "scores.m/x"),
        ([{"judge": 1.5}, {"judge": -0.5}], "judge"),
        ([{"rm": 1.5, "latency": "fast", "label": 1}, {"rm": -0.5, "label": 0}], "rm"),
    ],
    ids=["object", "wide", "beside-others"],
)
def test_the_only_verifier_is_the_score(
    tmp_path: Path, scores: list[dict[str, Any]], column: str
) -> None:
    """As `assay import --as scores` writes it, or in a column; it is stated which."""
    found = system(tmp_path / "a.jsonl", scores)

    assert [row.score for row in found.rows[:4]] == [1.5, -0.5, 1.5, -0.5]
    assert found.columns["score"] == column


@pytest.mark.parametrize(
    ("scores", "option"),
    [
        ([{"scores": {"gpt-4.1": 1, "rm": 2}}], "score=scores.gpt-4.1"),
        ([{"judge": 0.1, "rm": 2.5}, {"judge": 0.7, "rm": 1.5}], "score=judge"),
        ([{"scores": {"a": 1}}, {"scores": {"b": 2}}], "score=scores.a"),
    ],
    ids=["objects", "wide", "in-turns"],
)
def test_several_are_named(tmp_path: Path, scores: list[dict[str, Any]], option: str) -> None:
    """With what to do, which works."""
    path = tmp_path / "a.jsonl"
    found = system(path, scores)

    with pytest.raises(
        ComparisonError, match=r"has 2 verifiers, and no `score` .*--map"
    ) as refused:
        refuse_several_verifiers(found)

    assert f"--map '{option}'" in str(refused.value)
    refuse_several_verifiers(system(path, scores, option))


def test_a_score_decides_beside_verifiers(tmp_path: Path) -> None:
    """As in what `assay predict` writes."""
    found = system(tmp_path / "a.jsonl", [{"score": 3, "judge": 0.5}, {"score": 2, "judge": 0.7}])

    assert [row.score for row in found.rows[:2]] == [3, 2]
    assert not found.verifiers


def test_a_score_table_is_compared(tmp_path: Path) -> None:
    """With labels in which most cells are empty."""
    system(tmp_path / "a.jsonl", [{"scores": {"m/x": 1.5}}, {"scores": {"m/x": 2.5}}])
    labels = tmp_path / "lab.csv"
    labels.write_text("query_id,candidate,correct\nq0,c0,\nq0,c1,1\nq1,c0,0\nq1,c1,\n")

    comparison = compared(
        ComparedFiles(tmp_path / "a.jsonl", labels=labels, baseline=SimpleChoice.FIRST)
    )

    assert comparison.picked_by[1] == "score"
    assert comparison.result.queries == 4
