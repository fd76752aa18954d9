"""A guarded verifier whose calls have spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from assay.service.concurrency.breaker import Breaker
from assay.service.scoring.traced import Traced
from assay.verifiers import Pair, RefusedError, Status, UnreachableError
from tests.support.scorers import Q
from tests.support.verifiers.fakes import FakeVerifier


class Span:
    """A span that keeps its notes."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.failure: str | None = None

    def set_attribute(self, name: str, value: Any) -> None:
        """Keep an attribute."""
        self.attributes[name] = value


class Spans:
    """Tracing that keeps its spans."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, int]] = []
        self.span = Span()

    @contextmanager
    def verifier(self, name: str, kind: str, candidates: int) -> Iterator[Span]:
        """Open a span."""
        self.opened.append((name, kind, candidates))
        yield self.span

    def failed(self, span: Span, reason: str) -> None:
        """Mark a span."""
        span.failure = reason


async def traced(verifier: FakeVerifier) -> tuple[Spans, list[Status]]:
    """Ask a verifier about two pairs; return its spans, and the verdicts' statuses."""
    spans: Any = Spans()
    guarded = Traced(verifier, Breaker(5, 60.0), spans)
    verdicts = await guarded.score([Pair(Q, "a"), Pair(Q, "b")])
    return spans, [verdict.status for verdict in verdicts.items]


async def test_a_call_has_a_span_with_what_it_took() -> None:
    """Named after the verifier; its counts are the usage's."""
    spans, statuses = await traced(FakeVerifier("v"))

    assert statuses == [Status.OK] * 2
    assert spans.opened == [("v", "fake", 2)]
    assert spans.span.attributes == {"assay.calls": 0, "assay.prompt_tokens": 0}
    assert spans.span.failure is None


@pytest.mark.parametrize("error", [UnreachableError("refused"), RefusedError("no", 404)])
async def test_a_failure_is_noted_by_its_reason_and_stays_a_verdict(error: Any) -> None:
    """The reason is a word of ours: a message may repeat the request."""
    spans, statuses = await traced(FakeVerifier("v", error))

    assert statuses == [Status.ERROR] * 2
    assert spans.span.attributes == {"assay.reason": error.reason}
    assert spans.span.failure == error.reason
