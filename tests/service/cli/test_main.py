"""The `assay` command as a whole: its commands, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli import main as cli
from tests.support.commands.terminals import HOSTILE, OBEYED, hostile_service
from tests.support.servers.processes import assay


@pytest.mark.parametrize("answer", [{"error": {"message": HOSTILE}}, HOSTILE])
def test_errors_of_a_server_do_not_write_to_the_terminal(
    answer: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stops a command is shown by one line of `main`."""
    with hostile_service({"*": answer}, 500) as url:
        monkeypatch.setattr(sys, "argv", ["assay", "tasks", "--url", url])
        with pytest.raises(SystemExit):
            cli.main()
    shown = capsys.readouterr().err

    assert not [each for each in OBEYED if each in shown]
    assert "answered 500" in shown


def test_a_wrong_configuration_is_a_message_and_not_a_traceback(tmp_path: Path) -> None:
    """On standard error, with exit code 2."""
    (tmp_path / "bad.yaml").write_text("verifiers:\n  - {name: a, kind: jugde}\n")

    done = assay("serve", "--config", "bad.yaml", cwd=tmp_path)
    port = assay("serve", cwd=tmp_path, ASSAY_PORT="http")

    assert (done.returncode, port.returncode) == (2, 2)
    assert done.stderr.startswith("bad.yaml:2: verifiers.0.kind: must be one of:")
    assert "ASSAY_PORT" in port.stderr
    assert "Traceback" not in done.stderr + port.stderr
