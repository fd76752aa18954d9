"""Keys with scopes and tasks: the rights of each, and the tasks that it cannot see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.processes import (
    Answer,
    Server,
    call,
    free_port,
    service,
    standin,
    write_config,
)
from tests.support.servers.secured import BODY, LABELS
from tests.support.waiting import wait_until

KEYS = {
    "ranker": "k-rank",
    "labeller": "k-label",
    "owner": "k-admin",
    "tenant": "k-math",
    "plain": "k-plain",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a key of each kind, two tasks, and an upstream for each."""
    folder = tmp_path_factory.mktemp("access")
    scopes = {
        "ranker": ["rank"],
        "labeller": ["label"],
        "owner": ["admin"],
        "tenant": ["rank", "label", "admin"],
    }
    keys = [
        {"name": name, "sha256": sha256(KEYS[name].encode()).hexdigest(), "scopes": some}
        for name, some in scopes.items()
    ]
    keys[-1]["tasks"] = ["math"]
    with standin("judge") as upstream:
        content = {
            "verifiers": [{"name": "arithmetic", "kind": "arithmetic"}],
            "ensembles": {
                "first": ["arithmetic"],
                "theirs": ["arithmetic"],
                "nobodys": ["arithmetic"],
            },
            "tasks": {"math": {}, "secret": {"ensemble": "theirs"}},
            "upstreams": [
                {"name": "theirs", "endpoint": upstream.url, "model": "judge", "task": "secret"},
                {"name": "ours", "endpoint": upstream.url, "model": "judge", "task": "math"},
            ],
            "model_aliases": {"their-alias": "secret"},
            "service": {"keys": keys, "api_keys": [KEYS["plain"]]},
        }
        with service(write_config(folder / "e.yaml", content), folder) as server:
            yield server


def ask(running: Server, who: str, path: str, body: object = None) -> Answer:
    """Ask with somebody's key."""
    return call(running.url + path, body, headers={"authorization": f"Bearer {KEYS.get(who, who)}"})


@pytest.mark.parametrize(("path", "body", "scope"), [
    ("/v1/rank", BODY, "rank"), ("/rerank", {"query": "q", "documents": ["a", "b"]}, "rank"), ("/v1/models", None, "rank"),
    ("/v1/tasks", None, "rank"), ("/v1/tasks/math", None, "rank"),
    ("/v1/tasks/math/labels", {"labels": [{"query": "q", "candidate": "c", "correct": True}]}, "label"),
    ("/v1/tasks/math/labels/withdraw", {"labels": [{"query": "q", "candidate": "c"}]}, "label"),
    ("/v1/tasks/math/labels", None, "admin"), ("/v1/tasks/math/export", None, "admin"), ("/v1/tasks/math/fit", {}, "admin"),
    ("/metrics", None, "admin"),
])  # fmt: skip
def test_each_scope_opens_its_paths_and_no_other(
    running: Server, path: str, body: object, scope: str
) -> None:
    """A plain key opens all, no key none."""
    statuses = {
        who: ask(running, who, path, body).status
        for who in ("ranker", "labeller", "owner", "plain")
    }

    opens = {"rank": "ranker", "label": "labeller", "admin": "owner"}[scope]
    assert statuses[opens] not in (401, 403)
    assert statuses["plain"] not in (401, 403)
    assert {statuses[who] for who in {"ranker", "labeller", "owner"} - {opens}} == {403}
    refused = ask(running, next(iter({"ranker", "labeller"} - {opens})), path, body).json["error"]
    assert (refused["code"], f"scope `{scope}`" in refused["message"]) == (
        "insufficient_scope",
        True,
    )
    assert call(running.url + path, body).status == 401
    assert ask(running, "k-rank ", path, body).status in (200, 403)
    assert ask(running, "k-ran", path, body).status == 401


def test_no_task_learns_from_a_key_that_teaches_nothing(tmp_path: Path) -> None:
    """On no route, though the same requests of another key teach; nor where they ask for it."""
    keys = [
        {"name": name, "sha256": sha256(name.encode()).hexdigest(), "learn": learn}
        for name, learn in (("demo", False), ("customer", True))
    ]
    gateway = {"model": "drawn", "messages": [{"role": "user", "content": "q"}], "n": 1}
    door = {"query": "q", "documents": ["a", "b"]}
    with standin("judge") as upstream:
        content = {
            "verifiers": [{"name": "length", "kind": "length"}],
            "upstreams": [{"name": "drawn", "endpoint": upstream.url, "model": "judge"}],
            "service": {"keys": keys},
        }
        with service(write_config(tmp_path / "e.yaml", content), tmp_path) as running:
            routes = [("/v1/rank", BODY), ("/rerank", door), ("/v1/chat/completions", gateway)]
            answers = [ask(running, "demo", path, body) for path, body in routes]
            refused = ask(running, "demo", "/v1/rank", {**BODY, "learn": True})
            last = ask(running, "customer", "/v1/rank", {**BODY, "query": "another"})
            wait_until(lambda: kept_of(running) > 0)
            kept = kept_of(running)  # what came before it was written before it

    assert [answer.status for answer in (*answers, last)] == [200] * 4
    assert (refused.status, refused.json["error"]["code"]) == (403, "may_not_teach")
    assert kept == 1


def kept_of(running: Server) -> int:
    """Return how many requests the default task keeps."""
    return int(ask(running, "customer", "/v1/tasks/default").json["requests"])


def test_other_tasks_are_not_there_for_a_key_of_some(running: Server) -> None:
    """Neither by name, in lists or in errors, nor on a compatible route or the gateway."""
    unseen = [
        ask(running, "tenant", "/v1/rank", {**BODY, "task": "secret"}),
        ask(running, "tenant", "/v1/rank", BODY),  # the default task is another
        ask(
            running,
            "tenant",
            "/rerank",
            {"model": "assay/secret", "query": "q", "documents": ["a"]},
        ),
        ask(
            running, "tenant", "/rerank", {"model": "their-alias", "query": "q", "documents": ["a"]}
        ),
        ask(
            running,
            "tenant",
            "/v1/chat/completions",
            {"model": "theirs", "messages": [{"role": "user", "content": "q"}]},
        ),
        ask(running, "tenant", "/v1/tasks/secret"),
        ask(running, "tenant", "/v1/tasks/secret/labels"),
        ask(
            running,
            "tenant",
            "/v1/tasks/secret/labels",
            {"labels": [{"query": "q", "candidate": "c", "correct": True}]},
        ),
    ]
    seen = [
        ask(running, "tenant", "/v1/rank", {**BODY, "task": "math"}),
        ask(
            running,
            "tenant",
            "/v1/chat/completions",
            {"model": "ours", "messages": [{"role": "user", "content": "q"}]},
        ),
        ask(running, "tenant", "/v1/tasks/math/labels"),
    ]
    listed = ask(running, "tenant", "/v1/tasks").json["tasks"]
    models = [entry["id"] for entry in ask(running, "tenant", "/v1/models").json["data"]]
    told = ask(
        running,
        "tenant",
        "/v1/chat/completions",
        {"model": "x", "messages": [{"role": "user", "content": "q"}]},
    ).raw

    assert {answer.status for answer in unseen} == {404}
    assert {answer.status for answer in seen} == {200}
    assert [entry["task"] for entry in listed] == ["math"]
    assert models == ["ours", "assay", "assay/math"]
    for raw in (told, *(answer.raw for answer in unseen)):
        said = json.loads(raw)["error"]["message"].partition("there are:")[2]
        assert "secret" not in said
        assert "theirs" not in said
        assert "their-alias" not in said


CHAT = {"messages": [{"role": "user", "content": "q"}]}
COMPAT_BODIES: dict[str, dict[str, Any]] = {
    "/rerank": {"query": "q", "documents": ["a"]}, "/v1/rerank": {"query": "q", "documents": ["a"]},
    "/v2/rerank": {"query": "q", "documents": ["a"]}, "/score": {"queries": "q", "documents": ["a"]},
    "/v1/score": {"queries": "q", "documents": ["a"]}, "/classify": {"input": "q"}, "/v1/embeddings": {"input": "q"},
    "/get_reward": {"query": ["q"]}, "/rm": {"prompt": "q", "response": "a"}, "/v1/chat/completions": CHAT,
    "/verify": {"responses_create_params": {"input": "q"}, "response": {"output": []}},
}  # fmt: skip
PAIRS = {"pairs": [{"query": "q", "candidate": "a"}]}
#: Every place where a name may stand, with one that there is and is another's.
PLACES: list[tuple[str, str, Any]] = [
    *((path, name, {**body, "model": "NAME"}) for path, body in COMPAT_BODIES.items() for name in ("assay/secret", "their-alias", "theirs")),
    ("/v1/rank", "secret", {**BODY, "task": "NAME"}), ("/v1/rank", "theirs", {**BODY, "task": "math", "ensemble": "NAME"}),
    ("/v1/rank", "secret", {**BODY, "task": "NAME", "ensemble": "first"}), ("/v1/score_pairs", "secret", {**PAIRS, "task": "NAME"}),
    ("/v1/score_pairs", "theirs", {**PAIRS, "task": "math", "ensemble": "NAME"}),
    ("/v1/chat/completions", "secret", {**CHAT, "assay": {"task": "NAME"}}),
    *((f"{path}?task=NAME", "secret", COMPAT_BODIES[path]) for path in ("/rm", "/get_reward", "/rerank")),
    *((f"{path}?model=NAME", name, COMPAT_BODIES[path]) for path in ("/verify", "/score") for name in ("assay/secret", "their-alias")),
    ("/v1/tasks/NAME", "secret", None), ("/v1/tasks/NAME/labels", "secret", LABELS), ("/v1/tasks/NAME/fit", "secret", {}),
    ("/v1/tasks/NAME/evaluate", "secret", {}), ("/v1/tasks/NAME/rollback", "secret", {}),
    ("/v1/tasks/NAME/models/1/promote", "secret", {}),
    *((f"/v1/tasks/NAME/{what}", "secret", None) for what in (
        "labels", "to-label", "to-label?n=0", "export?format=dpo", "export", "models", "models/1/shadow", "report", "verifiers", "nothing",
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name", "body"), PLACES, ids=[f"{path}-{name}" for path, name, _ in PLACES]
)
def test_what_is_anothers_is_answered_as_what_there_is_not(
    running: Server, path: str, name: str, body: Any
) -> None:
    """Word for word, except for the requested name."""

    def answered(given: str) -> tuple[int, bytes]:
        asked = None if body is None else json.loads(json.dumps(body).replace("NAME", given))
        answer = ask(running, "tenant", path.replace("NAME", given), asked)
        return answer.status, answer.raw.replace(given.encode(), b"NAME")

    theirs, nobodys = answered(name), answered("zzz-nothing")

    assert theirs == nobodys
    assert theirs[0] in (404, 422)
    assert b"secret" not in theirs[1]
    assert b"theirs" not in theirs[1]


def test_an_ensemble_is_there_for_whose_task_has_it_or_where_no_task_has(running: Server) -> None:
    """And all are for a key of all tasks."""
    asked = {
        (who, name): ask(
            running, who, "/v1/rank", {**BODY, "task": "math", "ensemble": name}
        ).status
        for who in ("tenant", "ranker")
        for name in ("first", "nobodys", "theirs")
    }

    assert [asked["tenant", name] for name in ("first", "nobodys", "theirs")] == [200, 200, 404]
    assert [asked["ranker", name] for name in ("first", "nobodys", "theirs")] == [200, 200, 200]


def test_how_long_everybodys_calls_take_is_not_for_a_key_of_some_tasks(running: Server) -> None:
    """It depends on other tenants' requests."""
    many = [f"3 + 4 = {place}" for place in range(60)]  # of fewer than 50 the meter says nothing
    ask(
        running,
        "plain",
        "/v1/rank",
        {"query": "What is 3 + 4, fresh?", "task": "math", "candidates": many},
    )

    seen = {
        who: ask(running, who, "/v1/tasks/math").json["seconds_a_candidate"]
        for who in ("tenant", "plain")
    }

    assert seen["tenant"] == {"arithmetic": None}
    assert seen["plain"]["arithmetic"] > 0


def test_tenants_share_no_cache_and_no_metrics(running: Server) -> None:
    """One task's scores serve no other; a key of one task cannot read counts of all tasks."""
    body = {
        "query": "Who asked this before?",
        "candidates": ["1 + 1 = 2", "1 + 1 = 3"],
        "explain": True,
    }
    first, other, again = (
        ask(running, "plain", "/v1/rank", {**body, "task": task}).json
        for task in ("math", "secret", "math")
    )

    def cached(answer: Any) -> set[bool]:
        return {result["verifiers"]["arithmetic"]["cached"] for result in answer["results"]}

    assert (cached(first), cached(other), cached(again)) == ({False}, {False}, {True})
    assert ask(running, "tenant", "/metrics").status == 403
    assert ask(running, "owner", "/metrics").status == 200


def test_addresses_of_verifiers_and_upstreams_are_for_administrators(tmp_path: Path) -> None:
    """In a refusal, an explanation, a stream, a compatible route, the gateway."""
    port = free_port()
    away = {"name": "away", "kind": "http", "endpoint": f"http://127.0.0.1:{port}"}
    scopes = {"ranker": ["rank"], "owner": ["admin", "rank"]}
    keys = [
        {"name": name, "sha256": sha256(KEYS[name].encode()).hexdigest(), "scopes": some}
        for name, some in scopes.items()
    ]
    content = {
        "verifiers": [away, {"name": "arithmetic", "kind": "arithmetic"}],
        "ensembles": {"default": ["away"], "both": ["away", "arithmetic"]},
        "upstreams": [{"name": "drawn", "endpoint": f"http://127.0.0.1:{port}", "model": "m"}],
        "service": {"keys": keys},
    }
    asked: list[tuple[str, Any]] = [
        ("/v1/rank", BODY), ("/v1/rank", {**BODY, "ensemble": "both", "explain": True}), ("/v1/rank", {**BODY, "stream": True}),
        ("/rerank", {"query": "q", "documents": ["a"]}), ("/classify", {"input": "a"}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "q"}]}),
    ]  # fmt: skip
    with service(
        write_config(tmp_path / "e.yaml", content), tmp_path, env={"ASSAY_DOCTOR": "off"}
    ) as server:
        said = {
            who: [ask(server, who, path, body).raw for path, body in asked]
            for who in ("ranker", "owner")
        }

    for raw, whole in zip(said["ranker"], said["owner"], strict=True):
        assert b"unreachable" in raw, raw
        assert str(port).encode() not in raw, raw
        assert str(port).encode() in whole or b"breaker" in whole, whole
    assert str(port).encode() in said["owner"][1] + said["owner"][-1]
