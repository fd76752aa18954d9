"""A service that the tests of compatibility routes ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers.processes import Server, service, standin, write_config


@pytest.fixture(scope="package")
def upstream() -> Iterator[Server]:
    """A reward model's stand-in."""
    with standin("reward") as server:
        yield server


@pytest.fixture(scope="package")
def running(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service of a reward model, a pointwise check and a setwise one; a task and an alias."""
    folder = tmp_path_factory.mktemp("compat")
    verifiers = [
        {
            "name": "reward",
            "kind": "reward_model",
            "model": "reward",
            "endpoint": upstream.url,
            "retries": 0,
        },
        {"name": "arithmetic", "kind": "arithmetic"},
        {"name": "vote", "kind": "consensus"},
        {"name": "right", "kind": "math_answer"},
    ]
    content = {
        "verifiers": verifiers, "tasks": {"math": {}}, "model_aliases": {"Skywork/RM": "math"},
        "ensembles": {"all": ["reward", "arithmetic", "vote"], "known": ["reward", "arithmetic", "vote", "right"]},
        "service": {"max_candidates": 100, "breaker_reset_s": 0.2},
    }  # fmt: skip
    content["tasks"]["math"] = {"ensemble": "known"}  # type: ignore[index]
    with service(write_config(folder / "e.yaml", content), folder) as server:
        yield server
