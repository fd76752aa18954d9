"""Files that are read from their start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.batch import formats
from assay.service.batch.files import BatchError, Files
from assay.service.batch.read_through import ReadThrough

ROWS = [{"query": f"q{n}", "candidates": ["a", "b"], "id": str(n)} for n in range(7)]


def written(folder: Path, rows: object) -> tuple[Files, str]:
    """Write a list of JSON."""
    (folder / "in.json").write_text(json.dumps(rows))
    return Files(str(folder)), str(folder / "in.json")


@pytest.mark.parametrize("first", [0, 1, 2])
def test_parts_are_read_from_any_on(tmp_path: Path, first: int) -> None:
    """Rows keep their numbers."""
    files, path = written(tmp_path, ROWS)
    source = ReadThrough().scan(files, path, 3)

    parts = list(ReadThrough().blocks(files, source, first, 2))

    assert source.firsts == (0, 3, 6)
    numbers = [[0, 1, 2], [3, 4, 5], [6]][first : first + 2]
    assert [[row.number for row in part.rows] for part in parts] == numbers
    assert [[row["id"] for row in part.carried] for part in parts] == [
        [str(number) for number in part] for part in numbers
    ]


def test_a_row_that_is_none_is_bad(tmp_path: Path) -> None:
    """The others are whole."""
    files, path = written(tmp_path, [ROWS[0], 5, {"x": 1}, ROWS[1]])
    source = ReadThrough().scan(files, path, 10)

    [part] = ReadThrough().blocks(files, source, 0, 9)

    assert [row.body is None for row in part.rows] == [False, True, True, False]
    assert part.rows[2].came == {"x": 1}


def test_its_parts_are_bounded_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F53: as those of lines."""
    monkeypatch.setattr(formats, "PART_BYTES", 1000)
    files, path = written(tmp_path, [{**row, "note": "x" * 400} for row in ROWS])

    assert len(ReadThrough().scan(files, path, 100).firsts) > 2


def test_its_columns_are_checked(tmp_path: Path) -> None:
    """F17: before any work."""
    files, path = written(tmp_path, [{**ROWS[0], "score": 1}])

    with pytest.raises(BatchError, match="the column 'score' is also one of the output's"):
        ReadThrough().scan(files, path, 100)
