"""The command's work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.cli.comparison.comparing import compare_files
from assay.service.cli.comparison.systems import ComparedFiles
from tests.service.cli.comparison.test_file_comparison import rows
from tests.service.cli.comparison.test_flat_rows import write


def test_names_are_printed_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those with brackets; a file that is not decided names the labels that would decide."""
    first = write(tmp_path / "a[b].jsonl", *rows(1.0, 1))
    second = write(tmp_path / "b.jsonl", *rows(1.2, 2))

    compare_files(ComparedFiles(first, second), as_json=False)

    out, err = capsys.readouterr()
    assert "A: a[b].jsonl" in out
    assert "not decided: B − A is" in out
    assert "(estimate)" in out
    assert "understood: picked by: score / score" in err

    compare_files(ComparedFiles(first, second), as_json=True)
    assert json.loads(capsys.readouterr().out)["decision"] == "open"
