"""`make demo-vllm`: the demo, with a judge and a reward model that real vLLM serves on the CPU.

Both are SmolLM2-135M-Instruct, once asked for a token and once converted to a classifier of Yes
against No.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rich.console import Console

from assay.service.cli.demo import run_demo
from tests.support.servers.processes import ROOT, wait_for, write_config
from tests.vllm.servers import ENVIRONMENT, POOLING, PYTHON, START_S, serve, stop_group

MODELS = ROOT / "tests" / "vllm" / "models"
LENGTH = ["--max-model-len", "2048"]
AS_CLASSIFIER = '{"architectures":["LlamaForSequenceClassification"],"classifier_from_token":["No","Yes"],"method":"from_2_way_softmax"}'
LOCAL = ["consensus", "arithmetic", "relevance", "completeness"]


def main() -> None:
    """Build the model, serve it twice, run the demo on both and the CPU ensemble."""
    console = Console()
    with console.status("unpacking SmolLM2-135M-Instruct"):
        builder = ROOT / "tests" / "vllm" / "build_models.py"
        subprocess.run(
            [PYTHON, builder, MODELS, "--smollm2"],
            check=True,
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
        )
    model = MODELS / "smollm2"
    servers = {
        "judge": serve(model, "judge", LENGTH, MODELS),
        "reward": serve(
            model,
            "reward",
            [*POOLING, *LENGTH, "--convert", "classify", "--hf-overrides", AS_CLASSIFIER],
            MODELS,
        ),
    }
    try:
        with console.status("starting two vLLM servers"):
            for name, server in servers.items():
                wait_for(server.url + "/health", server.process, MODELS / f"{name}.log", START_S)
        kinds = {"judge": "judge", "reward": "reward_model"}
        verifiers = [{"name": name, "kind": name} for name in LOCAL]
        verifiers += [
            {
                "name": name,
                "kind": kinds[name],
                "model": name,
                "endpoint": server.url,
                "family": "smollm2",
                "timeout_s": "300",
            }
            for name, server in servers.items()
        ]
        config: Path = write_config(
            MODELS / "demo.yaml", {"verifiers": verifiers, "service": {"deadline_ms": 600_000}}
        )
        once = os.environ.get("ONCE", "") not in ("", "0")
        run_demo(
            config,
            {"data_dir": MODELS / "data"},
            once,
            False,
            limit=int(os.environ.get("PROBLEMS", "150")),
        )
    finally:
        for server in servers.values():
            stop_group(server.process)


if __name__ == "__main__":
    main()
