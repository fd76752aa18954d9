"""Consensus of meaning: how like the other candidates a candidate is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from assay.verifiers.contract.errors import BadReplyError, VerifierError
from assay.verifiers.contract.findings import Finding, ok, skipped
from assay.verifiers.contract.settings import About, EndpointUrl, ServedSettings, VerifierSettings
from assay.verifiers.contract.verifier import EMPTY, Pair, Usage, Verdict, Verdicts, not_applicable
from assay.verifiers.encoders.sentence_embedder import MiniLM, left_out
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.reply import Many, ReplyModel, Tokens
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.vllm.served import ServedVerifier
from assay.verifiers.vllm.verdicts import in_order, usage_of

#: Of a vector, at most: the embedders of 2025 have up to 8,192.
MOST_DIMENSIONS = 8192
NO_OTHER_TEXT = "one candidate alone cannot be like others"


class EmbeddingConsensusSettings(VerifierSettings):
    """The source of embeddings: MiniLM, here on the CPU, or a served embedder."""

    kind_is_about: ClassVar[About] = "relevance"
    kind: Literal["embedding_consensus"] = "embedding_consensus"
    endpoint: EndpointUrl | None = Field(
        None, description="Base URL of a server with /v1/embeddings; none: all-MiniLM-L6-v2, here."
    )
    model: str | None = Field(None, min_length=1, description="The embedder's name on that server.")
    revision: str | None = Field(None, description="Revision of its weights.")
    api_key_env: str | None = Field(
        None, description="Environment variable that holds the server's API key."
    )
    threads: int = Field(1, ge=1, le=64, description="Threads that a forward pass here uses.")

    @model_validator(mode="after")
    def _both_or_none(self) -> EmbeddingConsensusSettings:
        if (self.endpoint is None) != (self.model is None):
            raise ValueError("give both `endpoint` and `model`, or neither")
        return self

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score, without the embedder's place and threads."""
        parameters = super().scoring_parameters()
        return {
            name: value for name, value in parameters.items() if name not in ("endpoint", "threads")
        }


class _Row(ReplyModel):
    index: int
    embedding: Many[float]


class _Embeddings(ReplyModel):
    data: Many[_Row]
    usage: Tokens | None = None


class _Served(ServedVerifier):
    """A served embedder."""

    needs = "it needs /v1/embeddings: an embedder, served with `--runner pooling`"

    async def look(self) -> AsyncIterator[Finding]:
        """Yield whether it embeds."""
        vectors, _ = await self.embed(["3 + 4 = 7", "It is seven."])
        yield ok(
            "answers", f"{vectors.shape[1]} dimensions, cosine {float(vectors[0] @ vectors[1]):.2f}"
        )

    async def embed(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], Usage]:
        """Return one unit vector a text."""
        body = {
            "model": self.settings.model,
            "input": [self._text(text) for text in texts],
            "truncate_prompt_tokens": -1,
        }
        reply = await self.upstream.ask(
            "/v1/embeddings", body, _Embeddings, MOST_DIMENSIONS * len(texts)
        )
        rows = [row.embedding for row in in_order(reply.data, len(texts))]
        if len({len(row) for row in rows}) != 1:
            raise BadReplyError("embeddings of different lengths")
        vectors = np.array(rows, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is no number either
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (lengths > 0).all() or not np.isfinite(lengths).all():
            raise BadReplyError("an embedding is not a vector of numbers")
        return vectors / lengths, usage_of(reply.usage)


class EmbeddingConsensus:
    """A candidate's mean cosine with the query's other candidates, -1 to 1."""

    setwise = True
    bounds: tuple[float, float] | None = (-1.0, 1.0)

    def __init__(self, settings: EmbeddingConsensusSettings, transport: Transport) -> None:
        self._settings = settings
        self._served: _Served | None = None
        self._here = MiniLM(settings.threads)
        if settings.endpoint is not None and settings.model is not None:
            shared = settings.model_dump(include=set(VerifierSettings.model_fields))
            served_settings = ServedSettings(
                **shared,
                model=settings.model,
                endpoint=settings.endpoint,
                api_key_env=settings.api_key_env,
            )
            self._served = _Served(served_settings, transport)

    @property
    def settings(self) -> EmbeddingConsensusSettings:
        """Return the verifier's part of the configuration."""
        return self._settings

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a candidate, in order; empty candidates take no part."""
        places = [place for place, pair in enumerate(pairs) if as_read(pair.candidate)]
        items = [not_applicable(EMPTY) for _ in pairs]
        if len(places) < 2:
            return Verdicts(
                [
                    not_applicable(EMPTY)
                    if not as_read(pair.candidate)
                    else not_applicable(NO_OTHER_TEXT)
                    for pair in pairs
                ]
            )
        vectors, usage = await self._embed([pairs[place].candidate for place in places])
        cosines = np.clip(vectors @ vectors.T, -1, 1)
        means = (cosines.sum(1) - np.diag(cosines)) / (len(places) - 1)
        for place, mean in zip(places, means.tolist(), strict=True):
            items[place] = Verdict(
                mean, truncated_tokens=None if self._served else left_out(pairs[place].candidate)
            )
        return Verdicts(items, usage)

    async def _embed(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], Usage]:
        if self._served is not None:
            await self._served.special.learn(texts)
            return await self._served.embed(texts)
        return np.asarray(await self._here.embed(texts), np.float64), Usage()

    async def check(self) -> None:
        """Return when the embedder is present."""
        await (self._served or self._here).check()

    async def warm_up(self) -> None:
        """Load the model, where it runs here."""
        if self._served is None:
            await self._here.embed(["warm"])

    async def examine(self) -> list[Finding]:
        """Return whether the embedder is present and embeds."""
        if self._served is not None:
            return await self._served.examine()
        try:
            await self.warm_up()
        except VerifierError as exc:
            return [skipped("installed", str(exc))]
        return [ok("installed", "all-MiniLM-L6-v2, int8")]
