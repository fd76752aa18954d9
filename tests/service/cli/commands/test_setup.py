"""The commands that come before a service runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands.in_process import run, said


def test_init_writes_a_configuration_that_checks(tmp_path: Path) -> None:
    """And does not overwrite one."""
    file = tmp_path / "mine.yaml"

    first = run("init", file)
    checked = said("config", "check", file, "--offline")
    file.write_text("# mine")
    again = run("init", file)

    assert (first.exit_code, again.exit_code) == (0, 1)
    assert checked == {"ok": True, "problems": []}
    assert "exists already" in again.stderr
    assert file.read_text() == "# mine"


def test_version_says_what_runs() -> None:
    """For people and machines."""
    assert set(said("version")) == {"assay", "python", "platform"}
    assert "python" in run("version").stdout


def test_a_check_that_fails_fails_the_command(tmp_path: Path) -> None:
    """The exit code is for scripts."""
    (tmp_path / "e.yaml").write_text("verifiers: []")

    done = run("config", "check", "--offline", "--json", tmp_path / "e.yaml")

    assert done.exit_code == 1
    assert not json.loads(done.stdout)["ok"]
