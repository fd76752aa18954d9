"""Cross-encoders: how well a candidate fits its query, from `/score`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from assay.verifiers.contract.settings import About, ServedSettings
from assay.verifiers.contract.verifier import EMPTY, Pair, Status, Verdict, Verdicts, not_applicable
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.vllm.replies import Scores
from assay.verifiers.vllm.served import ServedVerifier, ask_the_rest
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of

NEEDS_SCORE = "cross_encoder needs /score: a model with one label, served with `--runner pooling`"


class CrossEncoderSettings(ServedSettings):
    """A cross-encoder or reranker."""

    kind_is_about: ClassVar[About] = "relevance"
    kind: Literal["cross_encoder"] = "cross_encoder"
    activation: bool = Field(
        True, description="Scores from 0 to 1; false asks for the unbounded logits."
    )


class CrossEncoder(ServedVerifier):
    """One `/score` call for all pairs: 1:N where they share a query, N:N otherwise."""

    needs = NEEDS_SCORE

    def __init__(self, settings: CrossEncoderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.activation = settings.activation
        self.bounds = (0.0, 1.0) if settings.activation else None

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        if all(pair.candidate for pair in pairs):
            return await self._ask_readable(pairs)
        return await ask_the_rest(
            self._ask_readable,
            pairs,
            [None if as_read(pair.candidate) else not_applicable(EMPTY) for pair in pairs],
        )

    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "text_1": self._queries(pairs),
            "text_2": self._texts(pairs),
        }
        if not self.activation:
            body |= (await self.book.facts()).raw_score
        reply = await self.upstream.ask("/score", body, Scores)
        items = self._read([row.score for row in in_order(reply.data, len(pairs))])
        return await self.note_shortened(pairs, Verdicts(items, usage_of(reply.usage)))

    def _queries(self, pairs: Sequence[Pair]) -> str | list[str]:
        first = pairs[0].query
        if all(pair.query is first for pair in pairs):
            return self.query_text(first)
        return [self.query_text(pair.query) for pair in pairs]

    def _read(self, scores: Sequence[float]) -> list[Verdict]:
        verdicts = score_verdicts(scores, bounds=self.bounds)
        if self.activation and 0.0 in scores:
            # A sigmoid is never exactly 0: it is how the server reports an item that failed.
            failed = Verdict(
                None,
                Status.ERROR,
                "bad_reply: an exact 0.0, which is how a failed item is reported",
            )
            verdicts = [
                failed if score == 0.0 else verdict
                for score, verdict in zip(scores, verdicts, strict=True)
            ]
        return verdicts
