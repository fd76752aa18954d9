"""The middlewares together, in their order."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from assay.service.api.front.auth import new_key
from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.stack import MiddlewareStack
from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import StartupError
from assay.service.telemetry.metrics import Metrics
from tests.support.http.handlers import plain
from tests.support.http.wires import Client, gate_of


async def unreachable(_: Request) -> Response:
    """Fail the test."""
    raise AssertionError("no request was to come so far")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({b"content-length": b"9" * 12}, 413),
        ({b"host": b"evil.example"}, 421),
        ({b"content-type": b"text/plain"}, 415),
        ({b"x-assay-priority": b"now"}, 422),
    ],
)
async def test_a_refusal_has_its_headers_and_is_counted(
    headers: dict[bytes, bytes], status: int
) -> None:
    """Whichever layer refuses, those around it do their part."""
    gate, client = gate_of(unreachable), Client().send(b"{}")

    assert await client.ask(gate, headers=headers) == status
    assert b"x-request-id" in dict(client.sent[0]["headers"])
    assert b'path="/v1/rank",status="%d"' % status in gate.metrics.text()


async def test_a_key_comes_before_the_body() -> None:
    """The service reads nothing for a stranger: the body never comes, and the answer does."""
    _, entry = new_key("k", ["rank"], None)
    client = Client().send(b"half", more=True)

    assert await client.ask(gate_of(unreachable, keys=(entry,))) == 401


async def test_a_proxys_prefix_is_no_part_of_the_path() -> None:
    """Scoring handlers are found below it."""
    gate, client, sent = gate_of(plain), Client().send(b"body"), list[Any]()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/assay/v1/rank", "root_path": "/assay", "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await gate(scope, client.pieces.get, send)

    assert sent[0]["status"] == 200


async def test_a_start_that_was_refused_says_why_without_secrets() -> None:
    """In place of a traceback."""
    backend = Backend()

    async def app(_: Any, __: Any, send: Any) -> None:
        backend.startup_error = StartupError("no store at redis://user:geheim@store:6379")
        await send({"type": "lifespan.startup.failed", "message": "Traceback ..."})

    stack = MiddlewareStack(FastAPI(), ServiceSettings(), Metrics(), backend, {})
    stack.app = app  # type: ignore[assignment]  # only the start of one is asked
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await stack({"type": "lifespan"}, Client().pieces.get, send)

    assert sent[0]["message"].startswith("no store at redis://")
    assert "geheim" not in sent[0]["message"]
