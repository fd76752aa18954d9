"""A kind that reads its scores from the candidate's words, and a service that learns from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.servers.processes import Server, write_config

PACKAGE = """
from typing import Literal
from assay.verifiers import Kind, Verdict, VerifierSettings
from assay.verifiers.checks.base import LocalVerifier

class Settings(VerifierSettings):
    kind: Literal["reading"] = "reading"
    place: int = 0

class Reading(LocalVerifier):
    bounds = None

    def _score_one(self, pair):
        return Verdict(float(pair.candidate.split()[self.settings.place]))

KIND = Kind(Settings, lambda settings, transport: Reading(settings))
"""


def installed(folder: Path) -> dict[str, str]:
    """Install a kind that reads its score from the candidate's words; return the environment
    that has it.
    """
    (folder / "reading.py").write_text(PACKAGE)
    info = folder / "reading-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reading\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[assay.verifiers]\nreading = reading:KIND\n")
    return {"PYTHONPATH": f"{Path(__file__).parents[3]}:{folder}"}


def config(folder: Path, *more: dict[str, Any], **service: Any) -> Path:
    """Write a configuration: four verifiers, the first two good, the last two noise; and more.

    `service`: settings of the service.
    """
    verifiers = [
        {"name": f"v{place}", "kind": "reading", "place": place, "family": f"f{place}"}
        for place in range(4)
    ]
    settings = {"verifiers": [*verifiers, *more], "tasks": {"math": {"store_text": True}}}
    return write_config(
        folder / "e.yaml", {**settings, **({"service": service} if service else {})}
    )


def traffic(queries: int, seed: int = 0) -> Iterator[tuple[str, list[str], list[float]]]:
    """Yield queries with candidates, whose words are their scores, and the truth."""
    random = np.random.default_rng(seed)
    for query in range(queries):
        truth = random.integers(0, 2, 6).astype(float)
        scores = random.normal(size=(6, 4))
        scores[:, :2] += 1.5 * truth[:, None]
        yield (
            f"query {seed}.{query}",
            [" ".join(f"{value:.6f}" for value in row) for row in scores],
            truth.tolist(),
        )


def task(running: Server) -> dict[str, Any]:
    """Return the task's kept requests and served version."""
    return dict(running.get("/v1/tasks/math").json)
