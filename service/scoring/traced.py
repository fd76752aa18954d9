"""A guarded verifier whose calls have spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.service.concurrency.breaker import Breaker
from assay.service.scoring.guard import Guarded
from assay.service.telemetry.tracing import Tracing
from assay.verifiers import Pair, Verdicts, VerifierError


class Traced(Guarded):
    """A verifier whose calls have spans."""

    def __init__(self, verifier: Any, breaker: Breaker, tracing: Tracing) -> None:
        super().__init__(verifier, breaker)
        self._tracing = tracing

    async def _score(self, pairs: Sequence[Pair]) -> Verdicts:
        with self._tracing.verifier(self.settings.name, self.settings.kind, len(pairs)) as span:
            try:
                verdicts = await super()._score(pairs)
            except VerifierError as exc:
                span.set_attribute("assay.reason", exc.reason)
                self._tracing.failed(span, exc.reason)
                raise
            usage = verdicts.usage
            span.set_attribute("assay.calls", usage.calls)
            span.set_attribute("assay.prompt_tokens", usage.prompt_tokens)
            return verdicts
