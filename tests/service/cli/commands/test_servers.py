"""The commands that serve: the arguments that they pass on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.cli import plan, up
from assay.service.cli.commands.servers import PlanForm
from assay.service.planning.manifests import MANIFEST_FORMS
from assay.service.planning.memory_estimate import Load
from assay.service.server import run as server
from assay.service.sidecar import app as sidecar
from assay.service.sidecar.model import ModelChoice
from tests.support.commands.in_process import Recorder, problem, run


def test_only_what_is_said_overrides_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other option is None, and leaves the file or the default."""
    recorder = Recorder()
    monkeypatch.setattr(server, "run_server", recorder)

    run("serve", "--config", "e.yaml", "--port", "9", "--allowed-hosts", "a,b")

    [(config, flags)] = recorder.calls
    assert config == Path("e.yaml")
    assert {name: value for name, value in flags.items() if value is not None} == {
        "port": 9,
        "allowed_hosts": "a,b",
    }


def test_a_plan_takes_its_load_and_its_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forms are those that can be written."""
    recorder = Recorder()
    monkeypatch.setattr(plan, "plan_ensemble", recorder)
    config = tmp_path / "e.yaml"
    config.touch()
    options = ("--gpus", "1xL4-24G", "--length", "100", "--concurrency", "2", "--format", "helm")

    run("plan", config, *options, "-o", "values.yaml")

    assert recorder.calls == [
        (config, "1xL4-24G", Load(100, 2), Path("values.yaml"), "helm", False)
    ]
    assert set(PlanForm) == set(MANIFEST_FORMS)


def test_a_start_takes_where_vllm_is_and_how_long_it_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an hour by default."""
    recorder = Recorder()
    monkeypatch.setattr(up, "start_all", recorder)
    config = tmp_path / "e.yaml"
    config.touch()

    run("up", config, "--gpus", "none", "--vllm-venv", "venv", "--logs", "logs")

    assert recorder.calls == [(config, "none", Load(), Path("venv"), Path("logs"), 1800)]


def test_a_sidecar_takes_its_models_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the name to serve it by."""
    recorder = Recorder()
    monkeypatch.setattr(sidecar, "serve_sidecar", recorder)

    run("sidecar", "org/model", "--head", "mlp", "--served-model-name", "m", "--port", "0")

    choice = ModelChoice(name="org/model", head="mlp")
    assert recorder.calls == [(choice, "m", "127.0.0.1", 0, 16)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--output", "probs"), "--output: must be one of: score, logits, first_token_logit"),
        (("--head", "conv"), "--head: must be one of: linear, mlp; got 'conv'"),
    ],
)
def test_a_head_that_is_none_is_refused(words: tuple[Any, ...], message: str) -> None:
    """With the known ones, before a model is loaded."""
    assert problem("sidecar", "org/model", *words).startswith(message)


@pytest.mark.parametrize(
    "words", [("plan", "none.yaml"), ("up", "none.yaml"), ("sidecar", "m", "--port", "70000")]
)
def test_what_cannot_be_served_is_refused(words: tuple[str, ...]) -> None:
    """A missing file, an invalid port."""
    assert run(*words).exit_code == 2
