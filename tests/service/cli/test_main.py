"""The `assay` command as a whole: its commands, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
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


def by_shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's line, in which `$ASSAY` is the command."""
    command = f"{sys.executable} -m assay"
    return subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "ASSAY": command, **environment},
        capture_output=True,
        text=True,
        encoding="latin-1",
    )


@pytest.mark.parametrize(
    "words", ["models", "models --json", "version", "version --json", "--help"]
)
def test_a_full_disk_is_a_message(words: str) -> None:
    """Whether the output is longer than Python's buffer or not."""
    ended = by_shell(f"$ASSAY {words} > /dev/full")

    assert (ended.returncode, ended.stderr) == (2, "the output: No space left on device\n")


def test_an_error_that_nobody_can_read_still_has_its_exit_code(tmp_path: Path) -> None:
    """Standard error may be full as well."""
    assert by_shell(f"$ASSAY config check {tmp_path}/none.yaml 2> /dev/full").returncode == 2


@pytest.mark.parametrize("words", ["models", "models --json", "version --json"])
def test_an_output_that_nobody_reads_on_is_no_traceback(words: str) -> None:
    """As in `| head`."""
    ended = by_shell(f"$ASSAY {words} | true; exit ${{PIPESTATUS[0]}}")

    assert ended.stderr == ""
    assert ended.returncode in (0, 141)


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1", "ascii:strict"])
def test_characters_that_an_output_lacks_are_spelled_out(tmp_path: Path, encoding: str) -> None:
    """In tables, messages and names of files."""
    named = by_shell(f"$ASSAY labels import t {tmp_path}/né→.xlsx", PYTHONIOENCODING=encoding)
    table = by_shell("$ASSAY models", PYTHONIOENCODING=encoding)
    scores = tmp_path / "é→.jsonl"
    write_scores(scores)
    evaluated = by_shell(f"$ASSAY evaluate '{scores}'", PYTHONIOENCODING=encoding)

    assert (named.returncode, table.returncode) == (2, 0)
    assert (evaluated.returncode, "Traceback" in evaluated.stderr) == (0, False)
    assert "Traceback" not in named.stderr + table.stderr
    assert named.stderr.count("\n") == 1


def write_scores(file: Path) -> None:
    """Write a table of scores of 40 queries."""
    rows = [
        {"query_id": f"q{place // 4}", "a→": (place * 37) % 101, "b": (place * 53) % 97, "c": place % 7, "label": place % 3 == 0}
        for place in range(160)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_an_interrupt_ends_a_command_with_its_own_code(tmp_path: Path) -> None:
    """130, as a shell has it, and no traceback; it reads a pipe in which nothing comes."""
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "assay", "labels", "import", "t", str(tmp_path / "pipe")]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running,
        (tmp_path / "pipe").open("wb"),  # this waits until the command reads
    ):
        running.send_signal(signal.SIGINT)
        _, shown = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "Traceback" not in shown


def test_too_little_memory_is_a_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback."""

    def exhausted() -> None:
        raise MemoryError

    monkeypatch.setattr(cli, "app", exhausted)

    assert ended(capsys, monkeypatch) == (
        2,
        "not enough memory: give the command a smaller file, or several\n",
    )
