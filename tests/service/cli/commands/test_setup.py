"""The commands that come before a service runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.servers.processes import assay


def test_init_writes_a_configuration_that_checks(tmp_path: Path) -> None:
    """And does not overwrite one."""
    first = assay("init", "mine.yaml", cwd=tmp_path)
    again = assay("init", "mine.yaml", cwd=tmp_path)
    checked = assay("config", "check", "mine.yaml", "--offline", "--json", cwd=tmp_path)

    assert (first.returncode, again.returncode, checked.returncode) == (0, 1, 0), checked.stdout
    assert json.loads(checked.stdout) == {"ok": True, "problems": []}


def test_version_says_what_runs(tmp_path: Path) -> None:
    """For people and machines."""
    assert set(json.loads(assay("version", "--json", cwd=tmp_path).stdout)) == {
        "assay",
        "python",
        "platform",
    }
    assert "python" in assay("version", cwd=tmp_path).stdout
