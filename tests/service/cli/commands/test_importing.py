"""`assay import` on the command line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from assay.service.cli.main import app
from assay.service.importers.recognition import IMPORTERS


def test_the_help_names_every_tool() -> None:
    """And the graders."""
    shown = CliRunner().invoke(app, ["import", "--help"], env={"COLUMNS": "300"}).output

    assert [tool.name for tool in IMPORTERS if tool.name not in shown] == []
    assert "openai-grader" in shown


def test_a_file_that_does_not_exist_is_a_wrong_use(tmp_path: Path) -> None:
    """As is a missing output."""
    missing = str(tmp_path / "none.jsonl")

    for arguments in (["auto", missing, "-o", "x.jsonl"], ["auto", __file__]):
        assert CliRunner().invoke(app, ["import", *arguments]).exit_code == 2
