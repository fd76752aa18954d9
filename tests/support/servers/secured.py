"""A service with one check, and keys for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.servers.processes import (
    Answer,
    Server,
    call,
    service,
    write_config,
)

BODY = {"query": "What is 3 + 4?", "candidates": ["3 + 4 = 7", "3 + 4 = 8"]}
LABELS = {"labels": [{"query": "q", "candidate": "c", "correct": True}]}
#: The path of the task that each configuration has.
TASK = "/v1/tasks/default"

CHECK: dict[str, Any] = {"verifiers": [{"name": "arithmetic", "kind": "arithmetic", "cost": 0.5}]}


def key(name: str, **more: Any) -> dict[str, Any]:
    """Return a key's entry; the key is `k-` and its name."""
    return {"name": name, "sha256": sha256(f"k-{name}".encode()).hexdigest(), **more}


def ask(running: Server, name: str, path: str = "/v1/rank", body: Any = None) -> Answer:
    """Ask with somebody's key."""
    return call(running.url + path, body, headers={"authorization": f"Bearer k-{name}"})


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Server]:
    """Run a service with one check."""
    folder.mkdir(exist_ok=True)
    with service(
        write_config(folder / "e.yaml", {**CHECK, "service": settings}), folder
    ) as running:
        yield running
