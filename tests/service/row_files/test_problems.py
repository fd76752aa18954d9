"""Rows that cannot be read."""

from __future__ import annotations

from pathlib import Path

from assay.service.row_files.problems import row_problem


def test_a_problem_names_place_reason_and_text() -> None:
    """The text as far as a line shows it, bytes that are no text spelled out."""
    problem = row_problem("not JSON", b"caf\xe9" + b"x" * 100_000)

    shown = repr(r"caf\xe9" + "x" * 33)
    assert str(problem.error(Path("f.csv"), 3)) == f"f.csv:3: not JSON (got {shown})"
    assert len(problem.text) < 70_000
    assert str(row_problem("is empty").error("f", 1)) == "f:1: is empty"
