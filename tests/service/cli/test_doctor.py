"""The doctor as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.cli import doctor
from assay.verifiers import Finding, Grade
from assay.verifiers.doctor.examine import Report
from tests.support.commands.in_process import problem, run
from tests.support.commands.terminals import HOSTILE, harmless
from tests.support.servers.processes import judge_and_check, standin


def test_the_doctor_prints_a_table_for_people_and_json_for_machines(tmp_path: Path) -> None:
    """Exit code 0 for ok and warnings."""
    with standin("judge") as server:
        config = judge_and_check(tmp_path / "e.yaml", server.url)

        table = run("doctor", "--config", config)
        machine = run("doctor", "--config", config, "--json", "--only", "judge")

    assert (table.exit_code, machine.exit_code) == (0, 0), table.stderr
    assert "right above wrong" in table.stdout
    assert "✓ labels: Yes 4, No 5" in table.stdout
    [report] = json.loads(machine.stdout)
    assert (report["verifier"], report["grade"], report["auc"]["pairs"]) == ("judge", "warning", 60)


def test_a_failure_is_exit_code_1_and_a_wrong_configuration_stops_it(tmp_path: Path) -> None:
    """With a remedy, or the place in the file."""
    dead = run("doctor", "--config", judge_and_check(tmp_path / "dead.yaml", "http://127.0.0.1:9"))
    wrong = problem("doctor", "--config", judge_and_check(tmp_path / "wrong.yaml", "no url"))
    unknown = problem("doctor", "--only", "nobody")

    assert dead.exit_code == 1
    assert "start the server" in dead.stdout
    assert "endpoint" in wrong
    assert "nobody" in unknown


def test_attacks_need_a_judge(tmp_path: Path) -> None:
    """The output gives shares."""
    with standin("judge") as server:
        done = run(
            "doctor",
            "--attacks",
            "--json",
            "--config",
            judge_and_check(tmp_path / "e.yaml", server.url),
        )
    none = problem("doctor", "--attacks")

    said = json.loads(done.stdout)
    assert list(said) == ["judge"]
    assert list(said["judge"]) == ["off", "on"]
    assert "no judge" in none


def test_findings_do_not_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Findings quote servers."""
    report = Report("judge", "judge", [Finding("reachable", Grade.FAILED, HOSTILE, HOSTILE)])

    doctor._show([report])

    assert harmless(capsys.readouterr().out)
