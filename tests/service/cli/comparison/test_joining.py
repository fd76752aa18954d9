"""Candidates of two systems side by side."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from assay.service.cli.comparison.candidate_rows import CandidateRow, SystemFile
from assay.service.cli.comparison.joining import JoinedSystems, joined
from assay.service.cli.comparison.row_values import ComparisonError


def system(name: str, *rows: tuple[str, str, str | None]) -> SystemFile:
    """Return a system of (query, name, text)."""
    return SystemFile(
        name,
        Path(name),
        [
            CandidateRow(
                f"{name}:{number}", query, of, None, text, 0.5, math.nan, math.nan, None, None
            )
            for number, (query, of, text) in enumerate(rows, 1)
        ],
        True,
    )


def shown(pair: JoinedSystems) -> list[tuple[int, str | None, str | None]]:
    """Return each candidate's query and its name in both systems."""
    return [
        (
            candidate.code,
            None if candidate.first is None else candidate.first.name,
            None if candidate.second is None else candidate.second.name,
        )
        for candidate in pair.candidates
    ]


def test_common_queries_are_compared_and_others_counted() -> None:
    """A candidate that only one system has stays its own."""
    pair = joined(
        system("a", ("q1", "x", None), ("q1", "y", None), ("q2", "x", None)),
        system("b", ("q3", "x", None), ("q1", "y", None), ("q1", "z", None)),
        own=False,
    )

    assert shown(pair) == [(0, "x", None), (0, "y", "y"), (0, None, "z")]
    assert (pair.queries, pair.left_out, pair.identity) == (1, (1, 1), "name")


def test_texts_tell_candidates_apart() -> None:
    """Whatever their names; equal texts of one query are paired in order."""
    pair = joined(
        system("a", ("q", "0", "A"), ("q", "1", "A"), ("q", "2", "B")),
        system("b", ("q", "0", "B"), ("q", "1", "C"), ("q", "2", "A")),
        own=False,
    )

    assert pair.identity == "content"
    assert shown(pair) == [(0, "0", "2"), (0, "1", None), (0, "2", "0"), (0, None, "1")]


def test_own_candidates_are_never_the_same() -> None:
    """Though their names agree; but a file is the same as itself."""
    first, second = system("a", ("q", "0", None)), system("b", ("q", "0", None))

    assert shown(joined(first, second, own=True)) == [(0, "0", None), (0, None, "0")]
    assert shown(joined(first, first, own=True)) == [(0, "0", "0")]


def test_without_a_common_query_the_first_ids_are_shown() -> None:
    """Of both files."""
    with pytest.raises(ComparisonError, match=r"a and b have no query in common: .*'q1' and '7'"):
        joined(system("a", ("q1", "x", None)), system("b", ("7", "x", None)), own=False)
