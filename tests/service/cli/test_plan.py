"""`assay plan`."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands.in_process import problem, run, said
from tests.support.servers.processes import ENSEMBLES


def test_the_command_prints_writes_and_fails(tmp_path: Path) -> None:
    """A table or JSON; files only with -o; models that do not fit are an error."""
    ours = ENSEMBLES / "small.yaml"
    table, plan = run("plan", ours, "--gpus", "1xL4-24G"), said("plan", ours, "--gpus", "1xL4-24G")
    refused = problem("plan", ours, "--gpus", "1xT4-4G", "-o", tmp_path / "no.sh")

    assert "Skywork/Skywork-Reward-V2-Qwen3-1.7B" in table.output
    assert plan["servers"][0]["command"][:3] == ["vllm", "serve", "Qwen/Qwen3-1.7B"]
    assert plan["servers"][0]["environment"] == {"CUDA_VISIBLE_DEVICES": "0"}
    assert "GiB are missing" in refused
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_not_written_over_its_configuration(tmp_path: Path) -> None:
    """Which stays as it is."""
    config = tmp_path / "c.yaml"
    config.write_bytes((ENSEMBLES / "cpu.yaml").read_bytes())

    shown = problem("plan", config, "--gpus", "1xH100", "-o", config)

    assert "is the same file as the input" in shown
    assert config.read_bytes() == (ENSEMBLES / "cpu.yaml").read_bytes()
