"""A plan as files."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.service.domain.errors import StartupError
from assay.service.planning.gpus import parse_gpus
from assay.service.planning.manifests import MANIFEST_FORMS, helm, written
from assay.service.planning.memory_estimate import Load, servers_of
from assay.service.planning.placement import Plan, place
from assay.service.runtime.configuration import load_config
from assay.verifiers.catalog.catalog import catalog
from tests.support.commands.in_process import run
from tests.support.servers.processes import ENSEMBLES, write_config


def test_a_plan_as_files(tmp_path: Path) -> None:
    """Bash that parses; a compose file whose servers start one after another; manifests of one
    pod.
    """
    for form in ("script", "compose", "kubernetes"):
        written = run(
            "plan",
            ENSEMBLES / "small.yaml",
            "--gpus",
            "1xL4-24G",
            "-o",
            tmp_path / form,
            "--format",
            form,
        )
        assert written.exit_code == 0, written.output

    subprocess.run(["bash", "-n", str(tmp_path / "script")], check=True)
    compose = yaml.safe_load((tmp_path / "compose").read_text())
    assert compose["services"]["model-reward"]["depends_on"] == {
        "model-judge": {"condition": "service_healthy"}
    }
    assert "--gpu-memory-utilization" in compose["services"]["model-judge"]["command"]
    config, deployment, service = yaml.safe_load_all((tmp_path / "kubernetes").read_text())
    assert yaml.safe_load(config["data"]["config.yaml"])["verifiers"][0]["name"] == "judge"
    models, ours = deployment["spec"]["template"]["spec"]["containers"]
    assert (models["resources"]["limits"], ours["securityContext"]["runAsNonRoot"]) == (
        {"nvidia.com/gpu": 1},
        True,
    )
    assert service["kind"] == "Service"


def planned(path: Path, *verifiers: dict[str, Any], gpus: str = "1xH200-141G") -> Plan:
    """Return the plan of some verifiers, whose configuration is written."""
    listed = [
        {"name": f"v{place}", "endpoint": f"http://127.0.0.1:{9000 + place}", **each}
        for place, each in enumerate(verifiers)
    ]
    config = load_config(write_config(path, {"verifiers": listed}))
    return place(servers_of(config), parse_gpus(gpus), Load())


SMALL = {"use": "skywork-reward-v2-qwen3-0.6b"}
SIDECAR = next(
    {"use": name, "kind": entry.kind}
    for name, entry in catalog().items()
    if entry.server == "sidecar" and entry.kind == "reward_model"
)


def test_values_of_the_chart_name_the_release_in_place_of_this_machine(tmp_path: Path) -> None:
    """A pod a model; a port with the same beginning is another one."""
    config = tmp_path / "e.yaml"
    at = [{**SMALL, "endpoint": f"http://{host}"} for host in ("localhost:900", "127.0.0.1:9000")]
    plan = planned(config, *at, {**SMALL, "endpoint": "http://10.0.0.7:900"})

    values = yaml.safe_load(helm(plan, config))

    endpoints = [each["endpoint"] for each in values["config"]["verifiers"]]
    assert endpoints == [
        "http://{{ .Release.Name }}-v0:8000",
        "http://{{ .Release.Name }}-v1:8000",
        "http://10.0.0.7:900",
    ]
    model = values["models"][0]
    assert (model["name"], model["gpus"]) == ("v0", 1)
    assert "--tensor-parallel-size" not in model["args"]
    assert model["args"][1:3] == ["--served-model-name", plan.placed[0].server.served_as]


def test_a_split_model_has_whole_gpus_in_the_chart(tmp_path: Path) -> None:
    """As many as its split."""
    config = tmp_path / "e.yaml"
    plan = planned(config, {"use": "llama-3.3-70b-instruct"}, gpus="2xH200-141G")

    [model] = yaml.safe_load(helm(plan, config))["models"]

    assert model["gpus"] == 2
    assert model["args"][3:5] == ["--tensor-parallel-size", "2"]


@pytest.mark.parametrize("form", ["kubernetes", "helm"])
def test_vllms_image_serves_no_sidecar(tmp_path: Path, form: str) -> None:
    """The form that does is named."""
    config = tmp_path / "e.yaml"
    plan = planned(config, SIDECAR)

    with pytest.raises(StartupError, match="v0: vLLM's image has no `assay sidecar`"):
        written(plan, form, config)
    model = yaml.safe_load(written(plan, "compose", config))["services"]["model-v0"]
    assert (model["image"], model["command"][0]) == ("assay", "sidecar")


def test_each_file_says_what_made_it_and_how_it_is_used(tmp_path: Path) -> None:
    """In its first lines; a script begins with its interpreter."""
    config = tmp_path / "e.yaml"
    plan = planned(config, SMALL)

    for form, use in MANIFEST_FORMS.items():
        first, second = written(plan, form, config).splitlines()[:2]
        if form == "script":
            assert first == "#!/usr/bin/env bash"
            assert "Made by `assay plan e.yaml`" in second
        else:
            assert first == f"# Made by `assay plan e.yaml`: {use}"
