"""Traces: a collector that is ours gets a span a request and one a verifier, and the server the
context.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import StartupError
from assay.service.telemetry.tracing import MOST_CARRIED, Tracing
from tests.support.servers.processes import call, service, standin, write_config
from tests.support.waiting import wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "a text that nobody else should read"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Run an OTLP collector; yield its URL and the spans that it got."""
    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    """Return a span's attributes."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }


def test_a_request_has_a_span_and_each_verifier_one_below_it(tmp_path: Path) -> None:
    """In the caller's trace, which reaches the server; failures have reasons; no text and no key."""
    with collector() as (url, spans), standin("judge") as upstream:
        judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": upstream.url}
        gone = {
            "name": "gone",
            "kind": "judge",
            "model": "m",
            "endpoint": "http://127.0.0.1:9",
            "retries": 0,
        }
        config = write_config(
            tmp_path / "e.yaml",
            {"verifiers": [judge, gone], "service": {"traces": url, "api_keys": ["k-secret"]}},
        )
        headers = {
            "traceparent": f"00-{TRACE}-{PARENT}-01",
            "authorization": "Bearer k-secret",
            "x-request-id": "mine",
        }
        body = {"query": SECRET, "candidates": [SECRET + " too"]}
        with service(config, tmp_path) as running:
            answer = running.post("/v1/rank", body, headers=headers)
            refused = running.post("/v1/rank", {**body, "top_n": SECRET}, headers=headers)
            told = call(upstream.url + "/standin").json["traceparents"]
        wait_until(lambda: len(spans) >= 4)

    named = {span.name: span for span in spans}
    requests = [span for span in spans if span.name == "POST /v1/rank"]
    assert (answer.status, refused.status) == (200, 422)
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert {span.parent_span_id.hex() for span in requests} == {PARENT}
    assert sorted(attributes(span)["http.response.status_code"] for span in requests) == [200, 422]
    first = next(span for span in requests if attributes(span)["http.response.status_code"] == 200)
    assert attributes(first)["assay.request_id"] == "mine"
    assert {named[f"verifier {name}"].parent_span_id for name in ("judge", "gone")} == {
        first.span_id
    }
    assert attributes(named["verifier gone"])["assay.reason"] == "unreachable"
    assert attributes(named["verifier judge"])["assay.calls"] == 1
    assert f"00-{TRACE}-{named['verifier judge'].span_id.hex()}-01" in told
    written = b"".join(span.SerializeToString() for span in spans)
    assert SECRET.encode() not in written
    assert b"k-secret" not in written


def test_what_the_caller_does_not_trace_is_not_traced(tmp_path: Path) -> None:
    """A share of nothing traces nothing of one's own accord; a collector that is gone costs no
    answer.
    """
    with collector() as (url, spans), standin("judge") as upstream:
        judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": upstream.url}
        content: dict[str, Any] = {
            "verifiers": [judge],
            "service": {"traces": url, "trace_share": 0},
        }
        with service(write_config(tmp_path / "e.yaml", content), tmp_path) as running:
            running.post("/v1/rank", {"query": "q", "candidates": ["a"]})
            running.post(
                "/v1/rank",
                {"query": "q", "candidates": ["b"]},
                headers={"traceparent": f"00-{TRACE}-{PARENT}-01"},
            )
        wait_until(lambda: len(spans) >= 2)
    content["service"] = {"traces": "http://127.0.0.1:9"}
    with standin("judge") as upstream:
        content["verifiers"][0]["endpoint"] = upstream.url
        with service(write_config(tmp_path / "f.yaml", content), tmp_path / "gone") as running:
            answer = running.post("/v1/rank", {"query": "q", "candidates": ["a"]})

    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert answer.status == 200


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(StartupError, match=r"assay-ensemble\[otel\]"):
        Tracing(ServiceSettings(traces="http://127.0.0.1:9"))


def test_what_a_caller_has_carried_on_is_bounded() -> None:
    """Assay ignores a context of a megabyte, and does not send it on."""
    tracing = Tracing(ServiceSettings(traces="http://127.0.0.1:9"))
    seen: list[dict[str, str]] = []
    propagator: Any = tracing._propagator
    extract = propagator.extract

    def noted(carried: dict[str, str]) -> Any:
        seen.append(carried)
        return extract(carried)

    propagator.extract = noted
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    for state in (b"a=" + b"b" * 100, b"a=" + b"b" * MOST_CARRIED):
        with tracing.request(
            "POST", "/v1/rank", {b"traceparent": parent, b"tracestate": state}, "id"
        ):
            pass

    assert [sorted(each) for each in seen] == [["traceparent", "tracestate"], ["traceparent"]]
