"""The models of the GPU benchmark as an ensemble, and the queries that it ranks."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.servers.processes import free_port

KINDS = {"judge": "judge", "reward": "reward_model", "prm": "process_reward"}
BILLIONS = {"judge": 8.2, "reward": 8.2, "prm": 7.1}
#: What the KV cache follows from, as models.py writes it: the planner knows models of the hub,
#: not folders.
SHAPES = {
    "judge": {"layers": 36, "heads": 32, "kv_heads": 8, "head_dim": 128},
    "reward": {"layers": 36, "heads": 32, "kv_heads": 8, "head_dim": 128},
    "prm": {"layers": 28, "heads": 28, "kv_heads": 4, "head_dim": 128},
}
STEP = '{"tok_pooling_type":"STEP","step_tag_id":3}'
FLAGS = {
    "judge": ["--max-model-len", "4096"],
    "reward": ["--runner", "pooling", "--max-model-len", "4096"],
    "prm": ["--runner", "pooling", "--max-model-len", "4096", "--pooler-config", STEP],
}
STEPS, WORDS = 6, 40


def queries(count: int, candidates: int, seed: int) -> list[tuple[str, list[str]]]:
    """Return new questions with answers in steps, about 500 tokens each."""
    rng = random.Random(seed)

    def words(number: int) -> str:
        return " ".join(
            rng.choice(("take", "the", "sum", "of", "it", "and", "17", "25", "so", "x"))
            for _ in range(number)
        )

    return [
        (
            f"Question {seed}-{number}: {words(60)}?",
            ["\n\n".join(words(WORDS) for _ in range(STEPS)) for _ in range(candidates)],
        )
        for number in range(count)
    ]


def configured(folder: Path, models: Path, only: Sequence[str]) -> dict[str, Any]:
    """Return the ensemble; ports are chosen once and kept in the folder."""
    ports_file = folder / "ports.json"
    if not ports_file.exists():
        ports_file.write_text(json.dumps({name: free_port() for name in KINDS}))
    ports = json.loads(ports_file.read_text())
    verifiers = [
        {
            "name": name,
            "kind": KINDS[name],
            "model": name,
            "endpoint": f"http://127.0.0.1:{ports[name]}",
            "timeout_s": 3600,
            "serve": {
                "weights": str(models / name),
                "parameters": BILLIONS[name],
                "shape": SHAPES[name],
                "flags": FLAGS[name],
            },
            **({"step_token": "<extra_0>"} if name == "prm" else {}),
        }
        for name in only
    ]
    settings = {
        "deadline_ms": 3_600_000,
        "doctor": "off",
        "log_level": "warning",
        "max_active": 4096,
    }
    return {"verifiers": verifiers, "service": settings, "tasks": {"default": {"learn": False}}}
