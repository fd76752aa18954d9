"""Installations and images run pinned code, with the least rights."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.commands.in_process import run
from tests.support.deploy.chart import COMPOSE_FILES, DEPLOY, FULL, objects, of_kind
from tests.support.deploy.helm import helm
from tests.support.servers.processes import ROOT

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
#: Built here, or without a digest that could be confirmed where this was written (`make pin-images`
#: writes it).
BY_TAG = {"assay", "vllm/vllm-openai:v0.32.0"}


def plan(form: str, folder: Path) -> list[dict[str, Any]]:
    """Return the documents of a plan."""
    out = folder / "plan.yaml"
    planned = run(
        "plan",
        DEPLOY / "ensembles" / "small.yaml",
        "--gpus",
        "1xL4-24G",
        "-o",
        out,
        "--format",
        form,
    )
    assert planned.exit_code == 0, planned.output
    return list(yaml.safe_load_all(out.read_text()))


def pods(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pods' specifications of manifests."""
    return [
        each["spec"]["template"]["spec"]
        for each in documents
        if each["kind"] in ("Deployment", "StatefulSet")
    ]


@pytest.mark.parametrize("name", ["constraints.txt", "build.txt"])
def test_every_pin_has_hashes(name: str) -> None:
    """Without a hash, pip installs any file that a registry has under that name."""
    pins = [
        line
        for line in (DEPLOY / name).read_text().replace("\\\n", " ").splitlines()
        if "==" in line
    ]

    assert len(pins) >= 6
    for pin in pins:
        assert re.fullmatch(
            r"[\w.\-\[\]]+==\S+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", pin
        ), pin


def test_the_image_installs_by_hash_and_builds_without_a_network_of_its_own() -> None:
    """Each `pip install` of the Dockerfile asks for hashes, or takes the wheel that was built
    from this folder.
    """
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip (?:install|wheel) [^&\n]+", text)

    assert len(installs) == 4
    for install in installs:
        assert {"--require-hashes", "--no-index", "--no-build-isolation"} & set(install.split()), (
            install
        )
    assert [
        each for each in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if not DIGEST.search(each)
    ] == []


@pytest.mark.parametrize(
    "path",
    [*COMPOSE_FILES, ROOT / "service" / "planning" / "compose.yaml"],
    ids=lambda path: path.name,
)
def test_containers_of_compose_files_are_confined_and_pinned(path: Path) -> None:
    """No capabilities, no new privileges, a bounded number of processes, an image by digest, a
    store with a password.
    """
    content = yaml.safe_load(path.read_text())

    for name, service in content["services"].items():
        assert DIGEST.search(service["image"]) or service["image"] in BY_TAG, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert 0 < service["pids_limit"] <= 16384, name
    assert content["configs"]["store-auth"]["content"].startswith('requirepass "${STORE_PASSWORD:?')
    assert "${STORE_PASSWORD:?" in content["services"]["assay"]["environment"]["ASSAY_REDIS_URL"]
    assert "admin}" not in path.read_text()  # no password that everybody knows


def test_passwords_are_random_kept_and_their_owners_alone(tmp_path: Path) -> None:
    """A second run changes nothing."""
    written = []
    for _ in range(2):
        subprocess.run(
            ["bash", str(DEPLOY / "make_env.sh"), str(tmp_path)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        written.append((tmp_path / ".env").read_text())
    values = dict(line.split("=") for line in written[0].splitlines())

    assert written[0] == written[1]
    assert sorted(values) == ["GRAFANA_PASSWORD", "STORE_PASSWORD"]
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in values.values())
    assert len(set(values.values())) == 2
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["chart", "plan"])
def test_pods_are_confined(form: str, tmp_path: Path) -> None:
    """No account's token, the runtime's seccomp profile, a read-only root, no capabilities:
    models and store as well.
    """
    found = pods(objects(FULL, tmp_path) if form == "chart" else plan("kubernetes", tmp_path))

    assert len(found) == (3 if form == "chart" else 1)
    for pod in found:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            confined = container["securityContext"]
            assert confined["readOnlyRootFilesystem"] is True
            assert confined["allowPrivilegeEscalation"] is False
            assert confined["capabilities"] == {"drop": ["ALL"]}
            writable = {each["mountPath"] for each in container["volumeMounts"]}
            assert writable & {"/tmp", "/data"}, container["name"]  # noqa: S108 - mounts of a container


@pytest.mark.parametrize("form", ["chart", "plan"])
def test_models_get_no_key_of_the_service(form: str, tmp_path: Path) -> None:
    """They get the token that fetches weights, and nothing else of the secret."""
    found = pods(objects(FULL, tmp_path) if form == "chart" else plan("kubernetes", tmp_path))
    models = [
        each for pod in found for each in pod["containers"] if each["name"] in ("vllm", "models")
    ]

    assert models
    for model in models:
        assert "envFrom" not in model
        taken = [
            each["valueFrom"]["secretKeyRef"]["key"] for each in model["env"] if "valueFrom" in each
        ]
        assert taken == ["HF_TOKEN"]


def test_the_charts_store_asks_for_a_password_that_is_made_up_or_given(tmp_path: Path) -> None:
    """The service and the store read one key of one secret; two installations have different ones."""
    first, second = objects({}, tmp_path), objects({}, tmp_path)
    made = [
        of_kind(found, "Secret", "assay-store")["data"]["password"] for found in (first, second)
    ]
    given = objects({"store": {"passwordSecret": {"name": "mine", "key": "word"}}}, tmp_path)

    assert made[0] != made[1]
    assert not [each for each in given if each["kind"] == "Secret"]
    for found, secret in (
        (first, {"name": "assay-store", "key": "password"}),
        (given, {"name": "mine", "key": "word"}),
    ):
        for pod in pods(found):
            (container,) = pod["containers"]
            password = next(each for each in container["env"] if each["name"] == "STORE_PASSWORD")
            assert password["valueFrom"]["secretKeyRef"] == secret
    store = of_kind(first, "StatefulSet", "assay-store")["spec"]["template"]["spec"]["containers"][
        0
    ]
    assert "requirepass" in store["command"][2]
    assert "requirepass" not in " ".join(store["args"])


def test_network_policies_are_on_and_names_are_asked_of_the_cluster_only(tmp_path: Path) -> None:
    """And a store elsewhere that no rule reaches stops the installation, not the first request."""
    found = objects({}, tmp_path)
    egress = of_kind(found, "NetworkPolicy")["spec"]["egress"]
    dns = [rule for rule in egress if {"port": 53, "protocol": "UDP"} in rule.get("ports", [])]

    assert of_kind(found, "NetworkPolicy", "assay-behind")["spec"]["policyTypes"] == ["Ingress"]
    assert [bool(rule["to"]) for rule in dns] == [True]
    with pytest.raises(ValueError, match=r"networkPolicy\.egress"):
        helm("template", {"store": {"url": "redis://elsewhere:6379/0"}}, tmp_path)


def test_digests_are_written_for_tags_and_checked(tmp_path: Path) -> None:
    """A docker that fails ends the command with its error."""
    digest = "sha256:" + "ab" * 32
    for name, script in (
        ("says", f"echo {digest}"),
        ("fails", "echo no such tag >&2; exit 1"),
        ("babbles", "echo hello"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name / "docker").chmod(0o755)

    def check(name: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{tmp_path / name}:{os.environ['PATH']}"}
        command = [sys.executable, str(DEPLOY / "pin_images.py"), "--check"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    said = check("says")
    assert said.returncode == 1
    assert f"python:3.11-slim@{digest}" in said.stdout
    assert "changed: Dockerfile" in said.stdout
    assert "no such tag" in check("fails").stderr
    assert "hello" in check("babbles").stderr
