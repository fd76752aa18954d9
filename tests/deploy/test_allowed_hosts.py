"""The names that a deployment is reached by."""

from __future__ import annotations

from pathlib import Path

import yaml

from assay.service.domain.hosts import Hosts
from tests.support.deploy.helm import helm
from tests.support.servers.processes import ROOT
from tests.support.servers.secured import CHECK


def test_what_we_deploy_knows_the_names_that_it_is_reached_by(tmp_path: Path) -> None:
    """The chart's services in all their forms, the compose file's, and a plan's."""
    values = {
        "allowedHosts": ["assay.example.org"],
        "config": {**CHECK, "service": {"allowed_hosts": ["b.example"]}},
    }
    rendered = helm("template", values, tmp_path)
    deployment = next(
        found
        for name, text in rendered.items()
        if name.endswith("deployment.yaml")
        for found in yaml.safe_load_all(text)
        if found
    )
    environment = {
        each["name"]: each.get("value")
        for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    names = Hosts(environment["ASSAY_ALLOWED_HOSTS"].split(","), "0.0.0.0")
    compose = yaml.safe_load((ROOT / "deploy" / "compose.cpu.yaml").read_text())["services"][
        "assay"
    ]["environment"]
    plan = (ROOT / "service" / "planning" / "kubernetes.yaml").read_text()

    for service_name in ("assay", "assay-admin"):
        assert all(
            f"{service_name}{more}" in names
            for more in ("", ".ml", ".ml.svc", ".ml.svc.cluster.local")
        )
    assert "assay.example.org" in names
    assert "b.example" in names
    assert "evil.example" not in names
    assert compose["ASSAY_ALLOWED_HOSTS"] == "assay"
    assert "ASSAY_ALLOWED_HOSTS" in plan
