"""The two systems that a command names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.cli.comparison.systems import ComparedFiles, read_systems
from tests.service.cli.comparison.test_flat_rows import write

ROWS = [
    {"query_id": query, "candidate": 0, "score": 1, "model": model}
    for query in (1, 2)
    for model in ("large", "small", "tiny")
]


def names(files: ComparedFiles) -> list[tuple[str, int]]:
    """Return the name and the number of candidates of both systems."""
    return [(system.name, len(system.rows)) for system in read_systems(files)]


def test_two_files_a_baseline_or_a_column(tmp_path: Path) -> None:
    """Named by the file, the baseline or the value."""
    few, more = write(tmp_path / "a.jsonl", ROWS[0]), write(tmp_path / "b.jsonl", *ROWS[::3])
    every = write(tmp_path / "m.jsonl", *ROWS)

    assert names(ComparedFiles(few, more)) == [("a.jsonl", 1), ("b.jsonl", 2)]
    assert names(ComparedFiles(more, baseline=SimpleChoice.FIRST)) == [
        ("first sample", 2),
        ("b.jsonl", 2),
    ]
    assert names(ComparedFiles(every, between="model=tiny, large")) == [("tiny", 2), ("large", 2)]
    assert names(ComparedFiles(few, few)) == [(str(few), 1), (str(few), 1)]


@pytest.mark.parametrize(
    ("between", "message"),
    [
        ("model", "names 3 systems ('large', 'small', 'tiny').*--between model=FIRST,SECOND"),
        ("model=large", "names 1 systems"),
        ("model=large,huge", "no row has 'huge' in `model`; there are 'large', 'small', 'tiny'"),
        ("generator", "m.jsonl:1: has no `generator`"),
    ],
)
def test_a_column_must_name_two(tmp_path: Path, between: str, message: str) -> None:
    """Others are listed."""
    path = write(tmp_path / "m.jsonl", *ROWS)

    with pytest.raises(ComparisonError) as raised:
        read_systems(ComparedFiles(path, between=between))

    for part in message.split(".*"):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"other": Path("b"), "between": "model"},
        {"other": Path("b"), "baseline": SimpleChoice.RANDOM},
    ],
)
def test_exactly_two_systems_are_named(options: Any) -> None:
    """By one of three ways."""
    with pytest.raises(ComparisonError, match="name two systems"):
        ComparedFiles(Path("a"), **options)


@pytest.mark.parametrize("options", [{"by": ComparedChoice.CANDIDATES}, {"own": True}])
def test_a_baseline_has_the_candidates_of_its_file(options: Any) -> None:
    """Options that would have no effect are refused."""
    with pytest.raises(ComparisonError, match="--baseline compares"):
        ComparedFiles(Path("a"), baseline=SimpleChoice.FIRST, **options)
