"""The command as a shell runs it, in the test's own process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.service.cli.main import main


def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str | Path
) -> tuple[int, str]:
    """Run the command as the shell does; return its exit code and its standard error."""
    monkeypatch.setattr(sys, "argv", ["assay", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.err + printed.out
