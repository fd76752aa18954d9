"""The `assay` command as a whole: its commands, and how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli import main as cli
from tests.support.commands.in_process import run
from tests.support.commands.terminals import HOSTILE, OBEYED
from tests.support.http.canned_server import answering_by_path


def ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[object, str]:
    """Run the command to its end; return its exit code and its standard error."""
    monkeypatch.setattr(sys, "argv", ["assay", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize("answer", [{"error": {"message": HOSTILE}}, HOSTILE])
def test_errors_of_a_server_do_not_write_to_the_terminal(
    answer: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of `main` shows every error that stops a command."""
    with answering_by_path({"*": answer}, 500) as running:
        monkeypatch.setattr(sys, "argv", ["assay", "tasks", "--url", running.url])
        with pytest.raises(SystemExit):
            cli.main()
    shown = capsys.readouterr().err

    assert not [each for each in OBEYED if each in shown]
    assert "answered 500" in shown


def test_a_wrong_configuration_is_a_message_and_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, with exit code 2, whether a file or a variable is wrong."""
    (tmp_path / "bad.yaml").write_text("verifiers:\n  - {name: a, kind: jugde}\n")
    monkeypatch.chdir(tmp_path)

    by_file = ended(capsys, monkeypatch, "serve", "--config", "bad.yaml")
    monkeypatch.setenv("ASSAY_PORT", "http")
    by_variable = ended(capsys, monkeypatch, "serve")

    assert by_file[0] == by_variable[0] == 2
    assert by_file[1].startswith("bad.yaml:2: verifiers.0.kind: must be one of:")
    assert "ASSAY_PORT" in by_variable[1]
    assert "Traceback" not in by_file[1] + by_variable[1]


def test_a_file_that_may_not_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the system's message."""
    code, shown = ended(capsys, monkeypatch, "init", str(tmp_path / "none" / "e.yaml"))

    assert (code, shown) == (2, f"{tmp_path / 'none' / 'e.yaml'}: No such file or directory\n")


def test_a_message_has_no_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL may hold a password."""
    code, shown = ended(capsys, monkeypatch, "tasks", "--url", "http://me:secret@127.0.0.1:9")

    assert code == 2
    assert "secret" not in shown
    assert "does not answer" in shown


def test_the_help_has_every_command() -> None:
    """In the order in which one would use them."""
    shown = run("--help").stdout

    names = [command.name for command in cli.app.registered_commands]
    places = [re.search(rf"^\W+{name}\b", shown, re.MULTILINE) for name in names]
    starts = [place.start() for place in places if place is not None]
    assert len(starts) == len(names) > 15
    assert starts == sorted(starts)


@pytest.mark.parametrize("words", ["models", "models --json", "version", "--help", "doctor --help"])
def test_a_closed_output_is_no_error(words: str) -> None:
    """Nobody reads it; standard error may be closed as well."""
    command = f"exec {sys.executable} -m assay {words}"
    ended = subprocess.run(["sh", "-c", command + " >&-"], stderr=subprocess.PIPE, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert subprocess.run(["sh", "-c", command + " >&- 2>&-"]).returncode == 0
