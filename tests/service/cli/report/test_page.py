"""The page of `assay report`."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from assay.service.cli.report.page import page

HOSTILE = "<i>&'\"</i>"


def verifier(name: str) -> dict[str, Any]:
    """Return a verifier's part of a report, with its name wherever a text may stand."""
    return {
        "name": name,
        "family": name,
        "weight": 0.5,
        "coverage": 0.9,
        "agreement_with_model": 0.8,
        "measured_auc": {"value": 0.7, "low": 0.6, "high": 0.8},
        "cost_share": 0.5,
        "loss_without": 0.01,
        "dropped": name,
    }


def report(name: str) -> dict[str, Any]:
    """Return a report of two verifiers."""
    return {
        "task": name,
        "model_version": name,
        "at": 1e9,
        "rows": 1234,
        "queries": 60,
        "labels": {"given": 3, "used": 3, "by_date": []},
        "calibrated": True,
        "subset": {"verifiers": [name], "tolerance": 0.002, "cost_share": 0.4, "loss": 0.001},
        "verifiers": [verifier(name), verifier("plain")],
        "drift": {name: {"psi": 0.3, "alarm": True}},
        "selection": {"expected": 0.8, "error": 0.1, "measured": None},
        "gain": None,
        "path": [],
        "correlations": [[1.0, 0.5], [0.5, 1.0]],
        "calibration": None,
    }


def version(name: str) -> dict[str, Any]:
    """Return a version of a task's model."""
    checks = [{"passed": True, "against": name}]
    return {"version": 1, "serving": True, "at": 1e9, "labels": 3, "rows": 9, "checks": checks}


def test_hostile_names_are_texts() -> None:
    """In the title, the sentences, both tables and the drawings."""
    written = page(report(HOSTILE), [version(HOSTILE)])
    body = ElementTree.fromstring(written[written.index("<body>") : written.index("</html>")])  # noqa: S314 - ours

    assert "<i>" not in written
    assert body.findtext("h1") == f"{HOSTILE}: {HOSTILE}"
    first, versions = body.findall("table")
    assert [cell.text for cell in first.findall("tr")[1]][:2] == [HOSTILE, HOSTILE]
    assert first.findall("tr")[1].get("class") == "alarm"
    assert versions.findall("tr")[1][-1].text == f"better than {HOSTILE}"
    assert any(HOSTILE in "".join(drawing.itertext()) for drawing in body.iter("figure"))


def test_a_task_without_versions_says_so() -> None:
    """In place of the table."""
    assert "<p>none yet</p>" in page(report("math"), [])


def test_control_characters_are_spelled_out() -> None:
    """In texts and in drawings: HTML allows none."""
    name = "a\x1b[31mb\x00\x85"
    written = page(report(name), [version(name)])

    assert not set(written) & {"\x1b", "\x00", "\x85"}
    assert written.count("a\\x1b[31mb\\x00\\x85") > 5
