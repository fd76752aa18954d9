"""The API against requests made up from its own OpenAPI document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.processes import ROOT, service, standin, write_config

SECONDS = float(os.environ.get("FUZZ_SECONDS", "120"))


@pytest.mark.fuzz
@pytest.mark.timeout(SECONDS + 300)
def test_no_request_makes_the_service_fail(tmp_path: Path) -> None:
    """No 5xx, no answer that is not documented, for as long as was asked."""
    settings = yaml.safe_load((ROOT / "deploy" / "ensembles" / "cpu.yaml").read_text(encoding="utf-8"))
    with standin("judge") as upstream:
        settings["upstreams"] = [{"name": "llm", "endpoint": upstream.url, "model": "judge"}]
        fuzz(write_config(tmp_path / "e.yaml", settings), tmp_path)


def fuzz(config: Path, tmp_path: Path) -> None:
    """Ask what follows from the document."""
    with service(config, tmp_path) as assay:
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
            "--generation-allow-x00",
            "true",
        ]
        # Most paths name a task: one that is not there tells nothing of the rest.
        (tmp_path / "schemathesis.toml").write_text('[parameters]\n"path.name" = "default"\n', encoding="utf-8")
        command += ["--exclude-path", "/metrics", "--no-color", "--max-failures", "5"]

        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

        print(done.stdout[-6000:])
        assert done.returncode == 0, done.stderr[-2000:]
        assert assay.get("/healthz").status == 200
    assert "Traceback" not in (tmp_path / "service.log").read_text()
