"""Requests are counted, timed, and traced where they score."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.response_headers import ResponseHeaders
from assay.service.api.front.middleware.telemetry import RequestMetrics, RequestSpans
from assay.service.telemetry.metrics import Metrics
from tests.support.http.middlewares import Behind, exchange, passed


@dataclass
class Spans:
    """Tracing that keeps names and attributes."""

    opened: list[tuple[str, str, str]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def request(self, method: str, path: str, _: Any, request_id: str) -> Iterator[Any]:
        """Open a span."""
        self.opened.append((method, path, request_id))
        yield self

    def set_attribute(self, name: str, value: Any) -> None:
        """Keep an attribute."""
        self.attributes[name] = value


@pytest.mark.parametrize(
    ("path", "label"), [("/v1/rank", b"/v1/rank"), ("/v1/tasks/secret", b"other")]
)
async def test_answers_are_counted_by_path_and_status(path: str, label: bytes) -> None:
    """Paths that anybody makes up share one name, so that they fill no memory."""
    metrics = Metrics()
    await passed(RequestMetrics(ResponseHeaders(Behind()), metrics), exchange("GET", path))

    assert b'path="%b",status="200"' % label in metrics.text()
    assert b"secret" not in metrics.text()


async def test_a_scoring_request_has_a_span_with_its_status() -> None:
    """Others have none."""
    spans = Spans()
    layer = RequestSpans(ResponseHeaders(Behind()), Backend(tracing=spans))  # type: ignore[arg-type]

    await passed(layer, exchange("POST", "/v1/rank", request_id=b"a-1"))
    await passed(layer, exchange("GET", "/v1/tasks"))

    assert spans.opened == [("POST", "/v1/rank", "a-1")]
    assert spans.attributes == {"http.response.status_code": 200}


async def test_before_the_start_has_opened_it_nothing_is_traced() -> None:
    """The request is answered all the same."""
    behind = Behind()
    await passed(RequestSpans(behind, Backend()), exchange("POST", "/v1/rank"))

    assert len(behind.scopes) == 1
