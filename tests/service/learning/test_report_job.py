"""Reports on the worth of a task's verifiers: over HTTP, by command, and as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from assay.service.cli.report.page import page
from assay.service.cli.report.summary import summary_lines
from assay.service.domain.observation import Observation
from assay.service.learning.fit_job import FitInputs, KnownLabel, Served, refit
from assay.service.learning.report_job import NothingToReportError, ReportInputs, measure_task
from tests.support.servers.processes import Server, service, write_config
from tests.support.servers.processes import assay as command
from tests.support.servers.reading_kind import installed, traffic
from tests.support.waiting import wait_until

DAY = 86_400.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that has ranked eighty queries, one of four verifiers dear, and all candidates
    of sixty are labelled.
    """
    folder = tmp_path_factory.mktemp("reporting")
    environment = installed(folder)
    verifiers = [
        {"name": f"v{place}", "kind": "reading", "place": place, "cost": 7 if place == 3 else 1}
        for place in range(4)
    ]
    tasks: dict[str, dict[str, str]] = {"math": {}, "empty": {}}
    with service(
        write_config(folder / "e.yaml", {"verifiers": verifiers, "tasks": tasks}),
        folder,
        env=environment,
    ) as server:
        labels = []
        for number, (query, candidates, correct) in enumerate(traffic(80)):
            answer = server.post(
                "/v1/rank", {"query": query, "candidates": candidates, "task": "math"}
            )
            results = answer.json["results"] if number < 60 else []
            labels += [
                {"key": each["key"], "correct": correct[each["index"]], "random": True}
                for each in results
            ]
        wait_until(lambda: server.get("/v1/tasks/math").json["requests"] == 80)
        assert server.post("/v1/tasks/math/labels", {"labels": labels}).status == 200
        wait_until(lambda: server.post("/v1/tasks/math/fit", {}).status == 200)
        yield server


def test_a_report_says_what_each_verifier_is_worth(running: Server) -> None:
    """Intervals separate good verifiers from noise; a dear, useless verifier may go."""
    before = running.get("/v1/tasks/math/report")
    made = running.post("/v1/tasks/math/evaluate", {})
    kept = running.get("/v1/tasks/math/report")

    assert before.status == 404
    assert before.json["error"]["code"] == "no_report"
    assert made.status == 200
    assert kept.json == made.json
    found = made.json
    assert (found["queries"], found["rows"], found["labels"]["given"], found["labels"]["used"]) == (
        80,
        480,
        360,
        360,
    )
    assert found["calibrated"]
    by_name = {each["name"]: each for each in found["verifiers"]}
    assert min(by_name[name]["agreement_with_model"] for name in ("v0", "v1")) > 0.75
    assert max(abs(by_name[name]["agreement_with_model"] - 0.5) for name in ("v2", "v3")) < 0.12
    for each in by_name.values():
        assert (
            each["measured_auc"]["low"]
            <= each["measured_auc"]["value"]
            <= each["measured_auc"]["high"]
        )
        assert each["coverage"] == 1
    assert by_name["v3"]["cost_share"] == pytest.approx(0.7)
    assert {"v0", "v1"} <= set(found["subset"]["verifiers"])
    assert "v3" not in found["subset"]["verifiers"]
    assert found["subset"]["cost_share"] <= 0.3
    assert 0.7 < found["selection"]["expected"] <= 1
    assert 0 < found["selection"]["error"] < 0.2
    assert found["gain"]["labels"] == 360
    assert found["gain"]["more"] == 40
    assert found["gain"]["worth"] >= 0
    assert sum(day["labels"] for day in found["labels"]["by_date"]) == 360
    assert sum(each["labels"] for each in found["calibration"]["bins"]) == 360
    assert sum(each["labels"] for each in found["calibration"]["periods"]) == 360


def test_verifiers_are_listed_with_what_is_known(running: Server) -> None:
    """Weight and coverage of the served model, and the report's measures."""
    running.post("/v1/tasks/math/evaluate", {})

    listed = running.get("/v1/tasks/math/verifiers").json["verifiers"]
    unknown = running.get("/v1/tasks/empty/verifiers").json["verifiers"]

    assert [each["name"] for each in listed] == ["v0", "v1", "v2", "v3"]
    assert [each["cost"] for each in listed] == [1, 1, 1, 7]
    assert all(
        {"weight", "coverage", "agreement_with_model", "measured_auc", "loss_without", "drift"}
        <= each.keys()
        for each in listed
    )
    assert all(each.keys() == {"name", "family", "cost", "drift"} for each in unknown)


def test_what_cannot_be_measured_is_said(running: Server) -> None:
    """Too little traffic, and no such task."""
    little = running.post("/v1/tasks/empty/evaluate", {})

    assert (little.status, little.json["error"]["code"]) == (409, "too_little")
    assert "0 candidates are kept; it takes 50" in little.json["error"]["message"]
    assert running.post("/v1/tasks/nope/evaluate", {}).status == 404
    assert running.get("/v1/tasks/nope/verifiers").status == 404


def test_the_command_prints_and_draws(running: Server, tmp_path: Path) -> None:
    """A table, JSON, and a page that loads and runs nothing."""
    printed = command(
        "report",
        "math",
        "--html",
        tmp_path / "r.html",
        cwd=tmp_path,
        ASSAY_URL=running.url,
        COLUMNS="120",
    )
    said = command("report", "math", "--last", "--json", cwd=tmp_path, ASSAY_URL=running.url)
    failed = command("report", "empty", cwd=tmp_path, ASSAY_URL=running.url)

    assert printed.returncode == 0, printed.stderr
    assert re.search(
        r"360 labels: expected selection@1 0\.\d\d ± 0\.\d\d, the next 40 are worth at least about \+0\.\d+",
        printed.stdout,
    )
    assert "as good within 0.2 points: " in printed.stdout
    assert re.search(r"^v0 .* \d+%", printed.stdout, re.MULTILINE)
    assert json.loads(said.stdout)["task"] == "math"
    assert failed.returncode == 2
    assert "cannot be measured yet" in failed.stderr
    written = (tmp_path / "r.html").read_text()
    assert written.count("<svg") == 6
    assert "default-src 'none'" in written
    assert not re.search(r"<script|<img|<link|src=|@import|url\((?!#)", written)
    for drawing in re.findall(r"<svg.*?</svg>", written, re.DOTALL):
        ElementTree.fromstring(drawing)  # noqa: S314 - what we drew


def records(queries: int = 40, seed: int = 0) -> tuple[list[Observation], dict[str, KnownLabel]]:
    """Return traffic as a task keeps it, with a label for the first candidate of each query, two
    a day.
    """
    kept, known = [], {}
    for number, (_, candidates, correct) in enumerate(traffic(queries, seed)):
        scores = np.array([[float(word) for word in candidate.split()] for candidate in candidates])
        names = tuple(f"{place:032x}" for place in range(6))
        kept.append(
            Observation(
                f"{number}",
                f"{number:032x}",
                names,
                (1, 2, 3, 4),
                scores,
                "t@0",
                None,
                (number + 1, 0),
            )
        )
        known[f"{number:032x}:{names[0]}"] = KnownLabel(correct[0], True, number // 2 * DAY)
    return kept, known


GIVEN = FitInputs(("a<b>", "b", "c", "d"), (1, 2, 3, 4), {}, {}, None)
ASKED = ReportInputs(GIVEN, "t", (1.0, 1.0, 1.0, 1.0))


def test_labels_are_counted_by_day() -> None:
    """UTC, in order; a label whose candidate has gone counts as received, not as used."""
    kept, known = records()

    found = measure_task(
        ASKED, kept, {**known, "f" * 32 + ":" + "f" * 32: KnownLabel(1.0, True, 0.0)}, None
    )

    assert (found["labels"]["given"], found["labels"]["used"]) == (41, 40)
    assert found["labels"]["by_date"][:2] == [
        {"date": "1970-01-01", "labels": 3, "correct": found["labels"]["by_date"][0]["correct"]},
        {"date": "1970-01-02", "labels": 2, "correct": found["labels"]["by_date"][1]["correct"]},
    ]
    assert [each["labels"] for each in found["calibration"]["periods"]] == [10, 10, 10, 10]


def test_without_labels_nothing_is_expected() -> None:
    """Accuracies are estimates, and name the verifiers to drop; measures that need labels are null."""
    kept, _ = records()

    found = measure_task(ASKED, kept, {}, None)

    assert found["selection"] == {"expected": None, "error": None, "measured": None}
    assert found["gain"] is None
    assert found["calibration"] is None
    assert all(
        each["measured_auc"] is None and each["agreement_with_model"] > 0.3
        for each in found["verifiers"]
    )


def test_a_report_is_signed_with_the_version_that_it_measured() -> None:
    """Null for a model fitted for the report, if no version or one of other verifiers is served."""
    kept, known = records()
    model = refit(GIVEN, kept, known, None).model
    assert model is not None

    fresh = measure_task(ASKED, kept, known, None)
    served = measure_task(ASKED, kept, known, Served(model, 0.0, True, 7))

    assert fresh["model_version"] is None
    assert served["model_version"] == "t@7"
    assert "which no task serves" in summary_lines({**fresh, "task": "t"})[0]


def test_a_page_shows_names_as_they_are() -> None:
    """A name cannot write into the page."""
    kept, known = records()
    found = {"task": "<script>", **measure_task(ASKED, kept, known, None)}

    written = page(found, [])

    assert "<script" not in written
    assert "a<b>" not in written
    assert "a&lt;b&gt;" in written


def test_a_report_of_little_is_refused() -> None:
    """With too few candidates, or without a choice."""
    kept, known = records(5)

    with pytest.raises(NothingToReportError, match="30 candidates are kept; it takes 50"):
        measure_task(ASKED, kept, known, None)
