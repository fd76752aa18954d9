"""Readiness shows names and addresses to administrators only."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.servers.processes import free_port, service, write_config
from tests.support.servers.secured import CHECK

# readiness
# ----------------------------------------------------------------------------------------------------------


def test_readiness_tells_names_and_addresses_to_administrators_only(tmp_path: Path) -> None:
    """To others whether, and how many: no name, no address, no error."""
    judge = {
        "name": "secret-judge",
        "kind": "judge",
        "model": "m",
        "endpoint": f"http://127.0.0.1:{free_port()}",
    }
    scopes: dict[str, dict[str, Any]] = {
        "owner": {"scopes": ["rank", "admin"]},
        "ranker": {"scopes": ["rank"]},
        "tenant": {"scopes": ["admin"], "tasks": ["default"]},
    }
    keys = [
        {"name": name, "sha256": sha256(name.encode()).hexdigest(), **more}
        for name, more in scopes.items()
    ]
    config = {
        "verifiers": [judge, *CHECK["verifiers"]],
        "ensembles": {"all": ["arithmetic", "secret-judge"]},
        "service": {"keys": keys},
    }
    with service(write_config(tmp_path / "e.yaml", config), tmp_path) as running:
        answers = {
            name: running.get("/readyz", headers={"authorization": f"Bearer {name}"})
            for name in (*scopes, "wrong")
        }
        answers["nobody"] = running.get("/readyz")

    assert answers["owner"].json["verifiers"]["secret-judge"].startswith("unreachable")
    for name in answers.keys() - {"owner"}:
        assert answers[name].json == {
            "status": "ready",
            "answering": 1,
            "of": 2,
            "store": "ok",
            "store_reason": None,
        }, name
