"""Keys, and the limits of each."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.service.api.front.auth import KeyRing
from assay.service.config.keys import KeySettings
from tests.support.commands.in_process import run
from tests.support.servers.processes import Server, call, free_port
from tests.support.servers.secured import BODY, ask, key, serving
from tests.support.servers.valkeys import valkey


def test_every_key_is_compared_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after one has matched: time tells neither how much of a key was right, nor which it
    is.
    """
    compared: list[bytes] = []
    constant = hmac.compare_digest

    def compare(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return constant(given, known)

    monkeypatch.setattr("assay.service.api.front.auth.hmac.compare_digest", compare)
    keys = KeyRing(["plain"], [KeySettings.model_validate(key(name)) for name in "abc"])

    found = keys.holder(b"Bearer k-a")

    assert found is not None
    assert found.name == "a"
    assert len(set(compared)) == 4


def test_the_requests_of_a_key_are_limited_for_all_replicas_together(tmp_path: Path) -> None:
    """The store counts each key apart, and the refusal gives the time to wait."""
    keys = [key("few", requests="3/minute"), key("many")]
    with valkey(tmp_path / "store") as (port, _), ExitStack() as stack:
        settings = {"redis_url": f"redis://127.0.0.1:{port}/0", "keys": keys}
        replicas = [
            stack.enter_context(serving(tmp_path / name, **settings)) for name in ("one", "two")
        ]
        answers = [ask(replicas[number % 2], "few", body=BODY) for number in range(4)]
        other = ask(replicas[0], "many", body=BODY)
        counted = ask(replicas[1], "few", body=BODY)

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert other.status == 200
    error = counted.json["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "requests_limit_reached")
    assert 1 <= int(counted.headers["retry-after"]) <= 60
    assert "3 per 1 minute" in error["message"]


T = "/v1/tasks/default"


COUNTED: list[tuple[str, Any]] = [
    (f"{T}/labels", {"labels": [{"query": "q", "candidate": "c", "correct": True}]}), (f"{T}/fit", {}), (f"{T}/evaluate", {}),
    (f"{T}/rollback", {}), (f"{T}/models/1/promote", {}), ("/v1/tasks", None), (T, None), (f"{T}/labels", None),
    (f"{T}/to-label", None), (f"{T}/models", None), (f"{T}/export?format=dpo", None), (f"{T}/models/1/shadow", None),
    (f"{T}/verifiers", None), ("/nowhere", None), ("/rerank", {"query": "q", "documents": ["a"]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a key of two requests an hour for each path, and one for little."""
    scopes = ["rank", "label", "admin"]
    keys = [
        key(f"counted{place}", requests="2/hour", scopes=scopes) for place in range(len(COUNTED))
    ]
    keys += [
        key("watcher", requests="1/hour", scopes=scopes),
        key("spent", cost="1/hour", scopes=scopes),
    ]
    with serving(tmp_path_factory.mktemp("limited"), keys=keys) as running:
        yield running


@pytest.mark.parametrize("place", range(len(COUNTED)), ids=[path for path, _ in COUNTED])
def test_every_request_of_a_key_counts(limited: Server, place: int) -> None:
    """On any route, with any result."""
    statuses = [ask(limited, f"counted{place}", *COUNTED[place]).status for _ in range(3)]

    assert 429 not in statuses[:2]
    assert statuses[2] == 429


def test_what_is_looked_at_all_the_time_is_not_counted(limited: Server) -> None:
    """Metrics, the list of models, and paths that need no key."""
    paths = ["/metrics", "/v1/models", "/healthz", "/readyz", "/openapi.json"] * 2

    assert {ask(limited, "watcher", path).status for path in paths} == {200}
    assert [ask(limited, "watcher", "/v1/tasks").status for _ in range(2)] == [200, 429]


def test_a_key_that_has_spent_its_cost_may_still_label(limited: Server) -> None:
    """A limit of cost bounds paid work only."""
    ask(limited, "spent", body=BODY)
    refused = ask(limited, "spent", body={**BODY, "query": "another"})
    labels = {"labels": [{"query": "q", "candidate": "c", "correct": True}]}

    assert refused.json["error"]["code"] == "cost_limit_reached"
    assert ask(limited, "spent", "/v1/tasks/default/labels", labels).status == 200


def test_the_cost_of_a_key_is_limited(tmp_path: Path) -> None:
    """Cached scores cost nothing; a request may exceed the rest, and the service refuses the next."""
    fresh = [{**BODY, "query": f"What is 3 + 4, {number}?"} for number in range(4)]
    with serving(tmp_path, keys=[key("poor", cost="2/hour"), key("rich")]) as running:
        ask(running, "rich", body=fresh[0])
        statuses = [
            ask(running, "poor", body=body).status
            for body in (fresh[0], fresh[1], fresh[2], fresh[3])
        ]
        refused = ask(running, "poor", body=fresh[0]).json["error"]

    assert statuses == [200, 200, 200, 429]
    assert refused["code"] == "cost_limit_reached"


def test_limits_hold_while_the_store_is_down(tmp_path: Path) -> None:
    """Each worker counts by itself."""
    settings = {
        "redis_url": f"redis://127.0.0.1:{free_port()}/0",
        "keys": [key("few", requests="2/hour")],
    }
    with serving(tmp_path, **settings) as running:
        statuses = [ask(running, "few", body=BODY).status for _ in range(4)]

    assert statuses == [200, 200, 429, 429]


def test_the_command_makes_a_key_with_limits() -> None:
    """As the configuration reads them."""
    made = run(
        "key", "trainer", "--requests", "600/minute", "--cost", "10/day", "--priority", "bulk"
    )

    assert made.exit_code == 0
    entry = yaml.safe_load(made.stdout[made.stdout.index("service:") :])["service"]["keys"][0]
    assert (entry["requests"], entry["cost"], entry["priority"]) == ("600/minute", "10/day", "bulk")


def test_the_administrators_port_has_what_is_the_administrators(tmp_path: Path) -> None:
    """And the first port has not; metrics need no key there, all else does."""
    admin = free_port()
    keys = [key("ranker"), key("owner", scopes=["rank", "admin"])]
    with serving(tmp_path, keys=keys, admin_port=admin, workers=2) as running:
        there = Server(f"http://127.0.0.1:{admin}", running.process)
        first = {
            path: ask(running, "owner", path).status
            for path in ("/metrics", "/v1/tasks/default/labels", "/v1/tasks")
        }
        second = {
            path: ask(there, "owner", path).status
            for path in ("/metrics", "/v1/tasks/default/labels", "/v1/tasks")
        }
        without = {
            path: call(there.url + path).status for path in ("/metrics", "/v1/tasks/default/labels")
        }
        ranked = ask(running, "ranker", body=BODY).status

    assert first == {"/metrics": 404, "/v1/tasks/default/labels": 404, "/v1/tasks": 200}
    assert second == {"/metrics": 200, "/v1/tasks/default/labels": 200, "/v1/tasks": 200}
    assert without == {"/metrics": 200, "/v1/tasks/default/labels": 401}
    assert ranked == 200
