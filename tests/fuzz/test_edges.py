"""Bytes from outside: connections, headers, compatible routes, other servers' metrics, the
upstream.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.service.api.compat.chat_templates import split_answer
from assay.service.api.compat.routes import COMPAT_ROUTES
from assay.service.api.errors import ApiError, answer_to, invalid
from assay.service.api.front.auth import KeyRing, needed
from assay.service.api.front.middleware.priority import is_bulk
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.config.keys import KeySettings
from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import DomainError, NoVerifierError
from assay.service.scoring.best_of_n import DrawOptions, choice_text, draw_until_good, status_of
from assay.service.scoring.generator import Generator
from assay.service.server.protocol import MAX_AHEAD, MAX_HEAD_BYTES, NEVER
from assay.verifiers import Query
from assay.verifiers.http.vllm_load import queue_of
from tests.support.fuzzing import JSON, QUICK, SECONDS, for_its_share
from tests.support.http.wires import Echo, connected
from tests.support.verifiers.fakes import FakeTransport

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(SECONDS + 300)]

HEADS = [
    b"GET / HTTP/1.1\r\n", b"POST /v1/rank HTTP/1.1\r\n", b"host: a\r\n", b"content-length: 5\r\n", b"content-length: -1\r\n",
    b"transfer-encoding: chunked\r\n", b"\r\n", b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n", b"x: " + b"y" * 40_000, b"expect: 100-continue\r\n",
    b"connection: upgrade\r\nupgrade: websocket\r\n", b"1;x=y\r\nz\r\n", b"0\r\nx: y\r\n", b" folded\r\n", b"\x00",
]  # fmt: skip


def test_any_bytes_on_a_connection_are_answered_or_it_is_closed() -> None:
    """And no head grows beyond its bound."""

    @QUICK
    @given(st.lists(st.sampled_from(HEADS) | st.binary(max_size=30), max_size=14))
    def check(blocks: list[bytes]) -> None:
        async def connection() -> None:
            protocol, wire = connected(Echo())
            for block in blocks:
                if wire.closed:
                    break
                protocol.data_received(block)
                assert not protocol.in_message or protocol.seen <= MAX_HEAD_BYTES or wire.closed
                assert not protocol.in_message or protocol.due < NEVER or wire.closed
                assert len(protocol.pipeline) <= MAX_AHEAD
                await asyncio.sleep(0)
            protocol.connection_lost(None)
            for _ in range(4):
                await asyncio.sleep(0)
            assert not wire.written or wire.written.startswith(b"HTTP/1.1 ")

        asyncio.run(connection())

    assert for_its_share(check)


def test_any_headers_are_a_holder_and_a_priority_or_refused() -> None:
    """Never an exception that is not ours."""
    keys = KeyRing(["k"], [KeySettings(name="a", sha256="0" * 64)])
    nobody = keys.holder(b"Bearer k")
    assert nobody is not None

    @QUICK
    @given(
        st.binary(max_size=60),
        st.binary(max_size=30),
        st.text(max_size=30),
        st.sampled_from(["GET", "POST", "DELETE", "X"]),
    )
    def check(authorization: bytes, priority: bytes, path: str, method: str) -> None:
        holder = keys.holder(authorization)
        assert holder is None or authorization[:6].lower() == b"bearer"
        assert needed(method, path, False) in ("rank", "label", "admin")
        try:
            assert is_bulk({b"x-assay-priority": priority}, nobody) is (priority == b"bulk")
        except ApiError as exc:
            assert exc.status == 422  # noqa: PT017 - either is right
            assert json.loads(exc.body())["error"]["param"] == "X-Assay-Priority"  # noqa: PT017

    assert for_its_share(check)


def test_any_body_is_a_doors_form_or_refused() -> None:
    """Each route's own, with fields that it knows."""
    forms = sorted({route.form for route in COMPAT_ROUTES.values()}, key=lambda form: form.__name__)
    fields = sorted({field for form in forms for field in form.model_fields})

    @QUICK
    @given(st.sampled_from(forms), st.dictionaries(st.sampled_from(fields), JSON, max_size=6))
    def check(form: Any, body: dict[str, Any]) -> None:
        try:
            form.model_validate_json(json.dumps(body), context=ServiceSettings())
        except (ValidationError, ApiError) as exc:
            error = exc if isinstance(exc, ApiError) else invalid(exc)
            assert error.status in (400, 413, 422)
            assert json.loads(error.body())["error"]["message"]

    assert for_its_share(check)


def test_any_metrics_are_a_queue_or_none() -> None:
    """Also with invalid numbers."""
    lines = st.sampled_from(
        [
            b'vllm:num_requests_waiting{engine="0"} ',
            b"vllm:num_requests_running ",
            b"3\n",
            b"1e5\n",
            b"e\n",
            b"+-.\n",
            b"nan\n",
            b"# HELP\n",
        ]
    )

    @QUICK
    @given(st.lists(lines | st.binary(max_size=20), max_size=10).map(b"".join))
    def check(raw: bytes) -> None:
        queue = queue_of(raw)
        assert queue is None or queue.too_long in (True, False)

    assert for_its_share(check)


def test_any_templated_text_is_taken_apart_or_left() -> None:
    """Turns of any template, nested and broken off."""
    marks = [
        "<|im_start|>",
        "user\n",
        "assistant\n",
        "<|im_end|>",
        "<|eot_id|>",
        "<start_of_turn>",
        "[INST]",
        "[/INST]",
        "<s>",
        "<｜User｜>",
    ]

    @QUICK
    @given(st.lists(st.sampled_from(marks) | st.text(max_size=8), max_size=12).map("".join))
    def check(text: str) -> None:
        found = split_answer(text)
        assert found is None or (
            isinstance(found.candidate, str) and all(message.role for message in found.messages)
        )

    assert for_its_share(check)


CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "message": st.dictionaries(
            st.sampled_from(["content", "tool_calls", "refusal", "role"]), JSON, max_size=4
        )
        | JSON,
        "finish_reason": JSON,
        "index": JSON,
    },
)
REPLY = (
    st.fixed_dictionaries(
        {},
        optional={"choices": st.lists(CHOICE | JSON, max_size=3) | JSON, "usage": JSON, "id": JSON},
    )
    | JSON
)


def test_any_reply_of_an_upstream_is_drawn_from_or_refused() -> None:
    """With any value as choices, messages and usage."""
    settings = UpstreamSettings.model_validate({"name": "u", "endpoint": "http://a", "model": "m"})

    async def rank(query: Query, texts: Any) -> Any:
        raise NoVerifierError({"judge": "away"})

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None for _ in texts]

    @QUICK
    @given(
        REPLY.map(lambda reply: json.dumps(reply).encode()) | st.binary(max_size=40),
        st.sampled_from([200, 400, 429, 500]),
    )
    def check(body: bytes, status: int) -> None:
        upstream = Generator(settings, FakeTransport({"/v1/chat/completions": (status, body)}))
        try:
            found = asyncio.run(
                draw_until_good(
                    upstream, {"messages": []}, Query.of("q"), DrawOptions(2), rank, group
                )
            )
        except DomainError as exc:
            answer = answer_to(exc)
            assert answer.status >= 400
            assert json.loads(answer.body())["error"]["message"]
            return
        assert found.completion_tokens >= 0
        for choice in found.choices:
            assert isinstance(choice_text(choice), str)
            assert status_of(choice) in ("ok", "truncated", "refused", "empty")

    assert for_its_share(check)
