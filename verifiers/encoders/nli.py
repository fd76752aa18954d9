"""Entailment: does the reference, or the query, imply the candidate?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from pydantic import Field

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.findings import Finding, failed, ok
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import (
    EMPTY,
    NO_REFERENCE,
    Pair,
    Verdict,
    Verdicts,
    not_applicable,
)
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.vllm.replies import Classes
from assay.verifiers.vllm.served import ServedVerifier, ask_the_rest
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of

NEEDS_CLASSIFY = (
    "nli needs /classify: a model with an entailment head, served with `--runner pooling`"
)


class NliSettings(ServedSettings):
    """A model with an entailment head."""

    kind: Literal["nli"] = "nli"
    premise: Literal["query", "reference"] = Field(
        "query", description="The text that should imply the candidate."
    )
    entailment: int = Field(
        0,
        ge=0,
        description="Which of the head's classes is entailment (`id2label` in the model's config).",
    )
    doubled_separator: bool = Field(
        False, description="Two separators between premise and hypothesis: RoBERTa, XLM-R, BART."
    )


class Nli(ServedVerifier):
    """P(entailment) from `/classify`.

    The pair is joined here, on token ids, since that endpoint takes single texts.
    """

    needs = NEEDS_CLASSIFY

    def __init__(self, settings: NliSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.nli = settings

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        verdicts = await ask_the_rest(
            self._ask_readable, pairs, [self._verdict_without_call(pair) for pair in pairs]
        )
        return await self.note_shortened(pairs, verdicts)

    def _verdict_without_call(self, pair: Pair) -> Verdict | None:
        if self.nli.premise == "reference" and pair.query.reference is None:
            return not_applicable(NO_REFERENCE)
        return None if as_read(pair.candidate) else not_applicable(EMPTY)

    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "input": await gather_or_cancel(*map(self._joined, pairs)),
        }
        reply = await self.upstream.ask("/classify", body, Classes)
        rows = in_order(reply.data, len(pairs))
        if any(len(row.probs) <= self.nli.entailment for row in rows):
            raise BadReplyError(
                f"the head has {len(rows[0].probs)} classes, and no class {self.nli.entailment};"
                " see `entailment`"
            )
        return Verdicts(
            score_verdicts([row.probs[self.nli.entailment] for row in rows], bounds=self.bounds),
            usage_of(reply.usage),
        )

    async def _joined(self, pair: Pair) -> list[int]:
        """Return [CLS] premise [SEP] hypothesis [SEP] as token ids."""
        premise = (
            self.query_text(pair.query)
            if self.nli.premise == "query"
            else self._text(pair.query.reference or "")
        )
        first, second = await gather_or_cancel(
            self.tokenizer.ids(premise, special=True),
            self.tokenizer.ids(self._text(pair.candidate), special=True),
        )
        return [*first, *([first[-1]] if self.nli.doubled_separator else []), *second[1:]]

    async def input_tokens(self, pair: Pair) -> int:
        """Return how many tokens the joined pair has."""
        return len(await self._joined(pair))

    async def look(self) -> AsyncIterator[Finding]:
        """Yield findings on the head's classes, and on the class of a plain entailment."""
        same = Pair(SAMPLE.query.of(SAMPLE.candidate, SAMPLE.candidate), SAMPLE.candidate)
        body = {"model": self.settings.model, "input": [await self._joined(same)]}
        probs = in_order((await self.upstream.ask("/classify", body, Classes)).data, 1)[0].probs
        if len(probs) < 2 or len(probs) <= self.nli.entailment:
            yield failed("classes", f"{len(probs)} classes", self.needs)
        else:
            observation = (
                f"{len(probs)} classes; a text that repeats its premise:"
                f" {', '.join(f'{probability:.2f}' for probability in probs)}"
            )
            yield ok("classes", observation)
