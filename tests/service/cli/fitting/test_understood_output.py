"""What was understood of score files, as it is printed."""

from __future__ import annotations

import pytest

from assay.service.cli.fitting.understood_output import print_understood
from assay.service.score_files.columns.understood_table import UnderstoodTable


def test_what_was_understood_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """So that `--json` on stdout stays whole; names are printed as they are."""
    print_understood(UnderstoodTable(("score[gpt]", "a[/b]"), left_out={"turn": "a number"}))

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "verifiers: score[gpt], a[/b]\nleft out: turn (a number)\n" in printed.err
