"""`assay import openai-grader`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.cli.config_check import check_config
from assay.service.cli.importing.grader_file import import_grader
from assay.service.domain.errors import StartupError

GRADER = {
    "type": "score_model",
    "name": "quality",
    "model": "gpt-x",
    "input": [{"role": "user", "content": "{{item.task}} {{sample.output_text}}"}],
}


def written(folder: Path) -> Path:
    """Return a file with a grader."""
    file = folder / "grader.json"
    file.write_text(json.dumps(GRADER))
    return file


def test_the_written_file_passes_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what does not carry over is printed."""
    out = tmp_path / "ensemble.yaml"

    import_grader([written(tmp_path)], out, None, as_json=False)

    printed = capsys.readouterr()
    assert printed.out == f"1 verifiers written to {out}; next: assay config check {out}\n"
    assert "quality: {{item.task}}: a request has no such field" in printed.err
    assert check_config(out, offline=True, as_json=False) == 0


def test_json_names_the_verifiers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a mapped field there is one remark less."""
    out = tmp_path / "ensemble.yaml"

    import_grader([written(tmp_path)], out, "query=task", as_json=True)

    report = json.loads(capsys.readouterr().out)
    assert report["verifiers"] == {"quality": "judge_scale"}
    assert not any("item.task" in remark for remark in report["remarks"]["quality"])


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """Two files, another ending, a field that items do not have."""
    file = written(tmp_path)

    with pytest.raises(StartupError, match=r"takes one file \(got 2\)"):
        import_grader([file, file], tmp_path / "e.yaml", None, as_json=False)
    with pytest.raises(StartupError, match=r"e\.json: a configuration must end in \.yaml"):
        import_grader([file], tmp_path / "e.json", None, as_json=False)
    with pytest.raises(StartupError, match="takes query, reference, candidate"):
        import_grader([file], tmp_path / "e.yaml", "answer=x", as_json=False)
