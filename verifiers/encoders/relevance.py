"""Query relevance from a small sentence-embedding model, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from assay.verifiers.contract.errors import VerifierError
from assay.verifiers.contract.findings import Finding, ok, skipped
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import EMPTY, Pair, Query, Verdict, Verdicts, not_applicable
from assay.verifiers.encoders.sentence_embedder import MiniLM, left_out
from assay.verifiers.safety.echo import without_echo
from assay.verifiers.safety.invisible import as_read


class RelevanceSettings(VerifierSettings):
    """The relevance check."""

    kind_is_about: ClassVar[About] = "relevance"
    kind: Literal["relevance"] = "relevance"
    threads: int = Field(1, ge=1, le=64, description="Threads that a forward pass uses.")
    ignore_echo: bool = Field(
        False, description="Leave out what the candidate repeats of the query word for word."
    )

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score; the default adds none, as before it."""
        parameters = super().scoring_parameters()
        if not self.ignore_echo:
            del parameters["ignore_echo"]
        return parameters


class Relevance:
    """The cosine of the query's and the candidate's embeddings: topical fit, not correctness."""

    setwise = False
    bounds: tuple[float, float] | None = (-1.0, 1.0)

    def __init__(self, settings: RelevanceSettings) -> None:
        self._settings = settings
        self._model = MiniLM(settings.threads)
        self._ignore_echo = settings.ignore_echo

    @property
    def settings(self) -> RelevanceSettings:
        """Return the verifier's part of the configuration."""
        return self._settings

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order."""
        if self._ignore_echo:
            pairs = [Pair(pair.query, without_echo(pair.query, pair.candidate)) for pair in pairs]
        readable = [pair for pair in pairs if as_read(pair.candidate)]
        scores = iter(await self._cosines(readable) if readable else [])
        return Verdicts(
            [next(scores) if as_read(pair.candidate) else not_applicable(EMPTY) for pair in pairs]
        )

    async def _cosines(self, pairs: Sequence[Pair]) -> list[Verdict]:
        texts = list(
            dict.fromkeys(text for pair in pairs for text in (pair.query.text, pair.candidate))
        )
        vectors = dict(zip(texts, await self._model.embed(texts), strict=True))
        return [
            Verdict(
                float(vectors[pair.query.text] @ vectors[pair.candidate]),
                truncated_tokens=left_out(pair.candidate),
            )
            for pair in pairs
        ]

    async def check(self) -> None:
        """Return when model, tokenizer and runtime are present in their pinned versions."""
        await self._model.check()

    async def examine(self) -> list[Finding]:
        """Return whether the model is present and embeds."""
        try:
            await self.warm_up()
        except VerifierError as exc:
            return [skipped("installed", str(exc))]
        return [ok("installed", "all-MiniLM-L6-v2, int8")]

    async def warm_up(self) -> None:
        """Load the model."""
        await self._cosines([Pair(Query.of("warm"), "up")])
