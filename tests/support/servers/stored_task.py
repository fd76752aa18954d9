"""An ensemble with a task, and requests to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.servers.processes import Server, write_config


def config(folder: Path, server: Server) -> Path:
    """Write an ensemble of one served model and a vote."""
    verifiers = [
        {"name": "reward", "kind": "reward_model", "model": "reward", "endpoint": server.url},
        {"name": "vote", "kind": "consensus"},
    ]
    return write_config(folder / "e.yaml", {"verifiers": verifiers, "tasks": {"t": {}}})


def body(query: int) -> dict[str, Any]:
    """Return a request."""
    return {
        "query": f"query {query}",
        "candidates": [f"{query} {place}" for place in range(5)],
        "task": "t",
    }
