"""The API against requests made up from its own OpenAPI document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.fuzzing import SECONDS
from tests.support.servers.processes import ROOT, Server, service, standin, write_config


@pytest.mark.fuzz
@pytest.mark.timeout(SECONDS + 300)
def test_no_request_makes_the_service_fail(tmp_path: Path) -> None:
    """No 5xx and no undocumented answer, for the given time."""
    settings = yaml.safe_load(
        (ROOT / "deploy" / "ensembles" / "cpu.yaml").read_text(encoding="utf-8")
    )
    with standin("judge") as upstream:
        settings["upstreams"] = [{"name": "llm", "endpoint": upstream.url, "model": "judge"}]
        with service(write_config(tmp_path / "e.yaml", settings), tmp_path) as assay:
            done = fuzz(assay, tmp_path)
            # The failures come first; the summary after the warnings only counts them.
            print(done.stdout.partition("= WARNINGS =")[0])
            assert done.returncode == 0, done.stderr[-2000:]
            assert assay.get("/healthz").status == 200
    assert "Traceback" not in (tmp_path / "service.log").read_text()


def fuzz(assay: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """Send the requests that follow from the document."""
    # Most paths name a task: one that is not there tells nothing of the rest.
    (folder / "schemathesis.toml").write_text(
        '[parameters]\n"path.name" = "default"\n', encoding="utf-8"
    )
    executable = str(Path(sys.executable).with_name("schemathesis"))
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        executable,
        "run",
        f"{assay.url}/openapi.json",
        "--checks",
        checks,
        "--max-time",
        str(int(SECONDS)),
    ]
    command += [
        "--generation-allow-x00",
        "true",
        "--exclude-path",
        "/metrics",
        "--no-color",
        "--max-failures",
        "5",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
