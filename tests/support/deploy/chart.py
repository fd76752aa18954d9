"""The files in deploy/, and the chart's manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.support.deploy.helm import helm
from tests.support.servers.processes import ROOT

DEPLOY = ROOT / "deploy"


JUDGE = {
    "name": "judge",
    "kind": "judge",
    "model": "judge",
    "endpoint": "http://{{ .Release.Name }}-judge:8000",
}


FULL: dict[str, Any] = {
    "config": {"verifiers": [JUDGE], "service": {"deadline_ms": 5000}}, "secretName": "keys", "replicas": 2,
    "models": [{"name": "judge", "args": ["Qwen/Qwen3-8B", "--served-model-name", "judge"], "gpus": 2, "env": {"A": "1"}}],
    "networkPolicy": {"enabled": True, "scrapers": [{"namespaceSelector": {}}], "egress": [{"ports": [{"port": 443}]}]},
    "monitoring": {"serviceMonitor": True, "rules": True, "dashboard": True, "labels": {"release": "prometheus"}},
    "podAnnotations": {"a": "b"}, "imagePullSecrets": [{"name": "pull"}], "nodeSelector": {"disk": "ssd"},
}  # fmt: skip


def objects(values: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return the chart's manifests."""
    rendered = helm("template", values, folder)
    texts = (text for name, text in rendered.items() if not name.endswith("NOTES.txt"))
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def of_kind(found: list[dict[str, Any]], kind: str, name: str = "assay") -> dict[str, Any]:
    """Return an object."""
    return next(each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name))


COMPOSE_FILES = sorted(DEPLOY.glob("compose.*.yaml"))
