"""Scorers that pass every check of readiness, and answer no call."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.http.canned_server import answering
from tests.support.servers.processes import service, write_config

#: Status and body of every answer: broken, not in our form, another service's.
REPLIES = {
    "broken": (500, b"{}"),
    "odd": (200, b"{}"),
    "html": (200, b"<p>"),
    "other": (404, b"{}"),
}


@pytest.mark.parametrize("has_check", [True, False])
def test_a_scorer_whose_calls_fail_is_not_ready(tmp_path: Path, has_check: bool) -> None:
    """Nor is a service without another verifier."""
    with ExitStack() as stack:
        verifiers = [
            {
                "name": name,
                "kind": "http",
                "model": name,
                "endpoint": stack.enter_context(answering(status, body)).url,
                "retries": 0,
            }
            for name, (status, body) in REPLIES.items()
        ]
        if has_check:
            verifiers.append({"name": "length", "kind": "length"})
        running = stack.enter_context(
            service(write_config(tmp_path / "e.yaml", {"verifiers": verifiers}), tmp_path)
        )
        before = running.get("/readyz")
        for place in range(2):
            running.post("/v1/rank", {"query": "q", "candidates": [f"a{place}", "b"]})
        after = running.get("/readyz")

    assert (before.status, before.json["status"]) == (200, "ready")
    assert set(before.json["verifiers"].values()) == {"ok"}
    for name, state in after.json["verifiers"].items():
        assert (state == "ok") == (name == "length"), name
        assert state == "ok" or state.endswith("(its last 2 calls failed)"), name
    assert after.status == (200 if has_check else 503)
