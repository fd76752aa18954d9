"""`assay import` on the command line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from assay.service.cli.main import app
from assay.service.importers.recognition import IMPORTERS
from tests.support.commands.in_process import problem, run


def test_the_help_names_every_tool() -> None:
    """And the graders."""
    shown = CliRunner().invoke(app, ["import", "--help"], env={"COLUMNS": "300"}).output

    assert [tool.name for tool in IMPORTERS if tool.name not in shown] == []
    assert "openai-grader" in shown


def test_a_file_that_does_not_exist_is_a_wrong_use(tmp_path: Path) -> None:
    """As are a folder and a missing output."""
    missing = tmp_path / "none.jsonl"

    for tool, out in (("auto", "x.csv"), ("lm-eval", "x.csv"), ("openai-grader", "x.yaml")):
        assert problem("import", tool, missing, "-o", out) == (
            f"{missing}: No such file or directory"
        )
        assert problem("import", tool, tmp_path, "-o", out) == f"{tmp_path}: Is a directory"
    assert run("import", "auto", __file__).exit_code == 2


def test_a_grader_is_read_from_standard_input(tmp_path: Path) -> None:
    """As every file of this command."""
    grader = (
        '{"type": "string_check", "name": "g", "operation": "eq",'
        ' "input": "{{sample.output_text}}", "reference": "Paris"}'
    )

    result = run("import", "openai-grader", "-", "-o", tmp_path / "e.yaml", content=grader)

    assert result.exit_code == 0
    assert "kind: regex" in (tmp_path / "e.yaml").read_text()
