"""The API against requests made up from its own OpenAPI document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, service

SECONDS = float(os.environ.get("FUZZ_SECONDS", "120"))


@pytest.mark.fuzz
@pytest.mark.timeout(SECONDS + 300)
def test_no_request_makes_the_service_fail(tmp_path: Path) -> None:
    """No 5xx, no answer that is not documented, for as long as was asked."""
    with service(None, tmp_path) as assay:
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
        command += ["--exclude-path", "/metrics", "--no-color", "--max-failures", "5"]

        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

        print(done.stdout[-6000:])
        assert done.returncode == 0, done.stderr[-2000:]
        assert assay.get("/healthz").status == 200
    assert "Traceback" not in (tmp_path / "service.log").read_text()
