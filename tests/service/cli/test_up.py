"""`assay up`: its conditions before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.up import _before
from assay.service.planning.gpus import Gpu
from assay.service.planning.memory_estimate import Load
from assay.service.planning.placement import Placed, Plan
from tests.service.planning.test_server_command import SERVER
from tests.support.commands.in_process import problem
from tests.support.servers.processes import write_config


def configured(folder: Path) -> Path:
    """Write a configuration with a model on this machine."""
    judge = {
        "name": "judge",
        "kind": "judge",
        "model": "Qwen/Qwen3-8B",
        "endpoint": "http://127.0.0.1:9000",
    }
    return write_config(folder / "e.yaml", {"verifiers": [judge]})


def test_without_vllm_the_message_has_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything starts."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "--vllm-venv" in problem("up", configured(tmp_path), "--gpus", "none")


def test_an_environment_without_python_is_none(tmp_path: Path) -> None:
    """The path is named as it was looked for."""
    venv = tmp_path / "venv"

    message = problem("up", configured(tmp_path), "--gpus", "none", "--vllm-venv", venv)

    assert (
        message
        == f"--vllm-venv: no {venv / 'bin' / 'python'}; name the folder of an environment with vLLM"
    )


def test_what_does_not_fit_is_not_started(tmp_path: Path) -> None:
    """As `assay plan` says it."""
    assert "GiB are missing" in problem("up", configured(tmp_path), "--gpus", "1xT4-4G")


def test_servers_of_one_gpu_start_one_after_another() -> None:
    """vLLM measures the free memory when it starts; servers of other GPUs do not wait."""
    first, second = Gpu(0, "L4", 24.0), Gpu(1, "L4", 24.0)
    gpus = ((first, second), (second,), (first,), ())
    plan = Plan(tuple(Placed(SERVER, some, 1.0, 0.1) for some in gpus), (first, second), Load())
    models: list[Any] = ["both", "second", "first", "none"]

    waited_for: list[Any] = [_before(plan, models, place) for place in range(4)]

    assert waited_for == [[], ["both"], ["both"], []]
