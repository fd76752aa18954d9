"""A plan as files: script, compose file, Kubernetes manifests, values of our chart.

The constant parts are YAML beside this.
"""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from assay.service.domain.errors import StartupError
from assay.service.planning.placement import Placed, Plan
from assay.service.planning.server_command import command_of, environment_of

VLLM_IMAGE = "vllm/vllm-openai:v0.32.0"
MANIFEST_FORMS = {
    "script": "bash FILE",
    "compose": "docker compose -f FILE up",
    "kubernetes": "kubectl apply -f FILE",
    "helm": "helm install assay deploy/helm/assay -f FILE",
}
READY = """ready() {
  until curl -fsS -o /dev/null "http://127.0.0.1:$1/health" 2>/dev/null; do
    kill -0 "$2" || exit 1
    sleep 2
  done
}"""


def written(plan: Plan, form: str, config: Path) -> str:
    """Return a plan's text in one of the `MANIFEST_FORMS`."""
    text = {"script": script, "compose": compose, "kubernetes": kubernetes, "helm": helm}[form](
        plan, config
    )
    if form == "script":
        return text
    return f"# Made by `assay plan {config.name}`: {MANIFEST_FORMS[form]}\n{text}"


def script(plan: Plan, config: Path) -> str:
    """Return a script that starts the servers one after another, waits for each, and ends them
    all at Ctrl-C.
    """
    lines = [
        "#!/usr/bin/env bash",
        (
            f"# Made by `assay plan {config.name}`. Starts its model servers; `assay serve --config"
            f" {config.name}` asks them."
        ),
        "set -euo pipefail",
        "trap 'trap - EXIT; kill 0' EXIT INT TERM",
        READY,
    ]
    for placed in plan.placed:
        variables = [
            f"{name}={shlex.quote(value)}" for name, value in environment_of(placed).items()
        ]
        lines += ["", f"# {placed.server.name}, asked by {', '.join(placed.server.verifiers)}"]
        lines += [
            " ".join([*variables, shlex.join(command_of(placed)), "&"]),
            f"ready {placed.server.port} $!",
        ]
    return "\n".join([*lines, "", "echo 'all model servers answer'", "wait", ""])


def compose(plan: Plan, config: Path) -> str:
    """Return a compose file of the servers, a store and the service.

    Servers that share a GPU start one after another.
    """
    body = _base("compose.yaml")[0]
    last: dict[int, str] = {}
    for placed in plan.placed:
        name = f"model-{placed.server.name}"
        before = sorted({last[gpu.number] for gpu in placed.gpus if gpu.number in last})
        body["services"][name] = _model(placed)
        if before:
            body["services"][name]["depends_on"] = {
                earlier: {"condition": "service_healthy"} for earlier in before
            }
        last |= {gpu.number: name for gpu in placed.gpus}
    body["services"]["assay"]["volumes"].append(f"./{config.name}:/etc/assay/config.yaml:ro")
    return str(yaml.safe_dump(body, sort_keys=False, width=160))


def kubernetes(plan: Plan, config: Path) -> str:
    """Return manifests of one pod.

    Raises `StartupError` for a model that the vLLM image cannot serve.
    """
    _no_sidecars(plan)
    objects = _base("kubernetes.yaml")
    objects[0]["data"] = {
        "models.sh": script(plan, config),
        "config.yaml": config.read_text(encoding="utf-8"),
    }
    models = objects[1]["spec"]["template"]["spec"]["containers"][0]
    models["resources"]["limits"]["nvidia.com/gpu"] = len(plan.gpus)
    return str(yaml.safe_dump_all(objects, sort_keys=False, width=160))


def helm(plan: Plan, config: Path) -> str:
    """Return values of our chart: a pod of whole GPUs a model, their services as endpoints.

    Kubernetes assigns whole GPUs, so a server that shares one in the plan has one of its own
    here. Raises `StartupError` as `kubernetes` does.
    """
    _no_sidecars(plan)
    models, text = [], config.read_text(encoding="utf-8")
    for placed in plan.placed:
        server = placed.server
        words = [server.weights, "--served-model-name", server.served_as]
        words += (
            ["--tensor-parallel-size", str(placed.tensor_parallel)]
            if placed.tensor_parallel > 1
            else []
        )
        model = {
            "name": server.name,
            "args": [*words, *server.flags],
            "gpus": placed.tensor_parallel,
        }
        models.append(model | ({"env": server.environment} if server.environment else {}))
        there = f"http://{{{{ .Release.Name }}}}-{server.name}:8000"
        text = re.sub(
            rf"http://(127\.\d+\.\d+\.\d+|localhost|\[::1\]):{server.port}(?!\d)", there, text
        )
    return str(
        yaml.safe_dump(
            {"config": yaml.safe_load(text), "models": models}, sort_keys=False, width=160
        )
    )


def _no_sidecars(plan: Plan) -> None:
    if sidecars := [
        placed.server.name for placed in plan.placed if placed.server.program == "sidecar"
    ]:
        raise StartupError(
            f"{', '.join(sidecars)}: vLLM's image has no `assay sidecar`; write a compose file"
        )


def _base(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(files(__package__).joinpath(name).read_text(encoding="utf-8")))


def _model(placed: Placed) -> dict[str, Any]:
    server, words = placed.server, command_of(placed)
    sidecar = server.program == "sidecar"
    devices = {
        "driver": "nvidia",
        "device_ids": [str(gpu.number) for gpu in placed.gpus],
        "capabilities": ["gpu"],
    }
    healthy = (
        f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{server.port}/health')"
    )
    return {
        "image": "assay" if sidecar else VLLM_IMAGE,
        "command": words[1:] if sidecar else words[2:],
        "network_mode": "host",
        "ipc": "host",
        "environment": {**server.environment, "HF_HOME": "/weights", "HF_TOKEN": "${HF_TOKEN:-}"},
        "volumes": ["weights:/weights"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": 16384,
        "deploy": {"resources": {"reservations": {"devices": [devices]}}},
        "healthcheck": {
            "test": ["CMD", "python3", "-c", healthy],
            "interval": "5s",
            "start_period": "900s",
            "retries": 3,
        },
        "restart": "unless-stopped",
    }
