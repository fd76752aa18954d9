"""The alerts name existing metrics, and the runbook names every alert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from assay.service.telemetry.metrics import Metrics
from tests.support.servers.processes import ROOT

RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text(encoding="utf-8"))[
        "groups"
    ]
    for rule in group["rules"]
]


def test_every_metric_that_an_alert_names_is_there() -> None:
    """With the labels that it asks for."""
    metrics = Metrics()
    families = {family.name: family for family in metrics.registry.collect()}
    collectors: dict[str, Any] = dict(metrics.registry._names_to_collectors)
    labels = {name: set(collectors[name]._labelnames) for name in families}

    for rule in RULES:
        assert "assay_" in rule["expr"]
        for name, asked in re.findall(
            r"(assay_\w+?)(?:_total|_bucket)?(?:\{([^}]*)\}|\[|\)| )", rule["expr"]
        ):
            assert name in families, (rule["alert"], name)
            assert set(re.findall(r"(\w+)=", asked)) <= labels[name] | {"le"}, rule["alert"]


def test_the_runbook_has_every_alert_and_no_other() -> None:
    """One row each."""
    runbook = Path(ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| (Assay\w+) \|", runbook, re.MULTILINE) == [
        rule["alert"] for rule in RULES
    ]
