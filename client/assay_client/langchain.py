"""LangChain: a document compressor that reranks by the probability of answering the query."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field, field_validator

from .answers import Ranking
from .client import AsyncClient, Client
from .errors import NoScoreError
from .missing import Missing, filled, missing_of

REFUSED = {"group_mean": "a reranker keeps an order: choose raise, skip or a number"}


class AssayRerank(BaseDocumentCompressor):  # type: ignore[misc,unused-ignore]  # LangChain may not be installed
    """Keeps the `top_n` first documents, with `relevance_score` in their metadata.

    `missing`, for documents that no verifier could score: None (the default) keeps them last, with
    a `relevance_score` of None; "skip" leaves them out; a number is their `relevance_score`;
    "raise" is `NoScoreError`. Where no document has a score, None raises it as well.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    task: str = "default"
    top_n: int | None = 3
    missing: Missing | None = None
    client: Client = Field(default_factory=Client)
    async_client: AsyncClient = Field(default_factory=AsyncClient)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> Sequence[Document]:
        """Return the best documents, best first."""
        if not documents:
            return []
        texts = [document.page_content for document in documents]
        try:
            ranking = self.client.rank(query, texts, task=self.task, uncalibrated="number")
        except NoScoreError as exc:
            return self._without_any_score(documents, exc)
        return self._chosen(documents, ranking)

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> Sequence[Document]:
        """Return the best documents, best first."""
        if not documents:
            return []
        texts = [document.page_content for document in documents]
        try:
            ranking = await self.async_client.rank(
                query, texts, task=self.task, uncalibrated="number"
            )
        except NoScoreError as exc:
            return self._without_any_score(documents, exc)
        return self._chosen(documents, ranking)

    @field_validator("missing")
    @classmethod
    def _checked(cls, missing: Missing | None) -> Missing | None:
        return None if missing is None else missing_of(missing, "raise", REFUSED)

    def _chosen(self, documents: Sequence[Document], ranking: Ranking) -> list[Document]:
        scored = [(documents[result.index], result.probability) for result in ranking.results]
        return self._kept(scored)

    def _without_any_score(
        self, documents: Sequence[Document], exc: NoScoreError
    ) -> list[Document]:
        """Return the documents in their own order, as `missing` says; raise where it does."""
        if self.missing in (None, "raise"):
            raise exc
        return self._kept([(document, None) for document in documents])

    def _kept(self, scored: Sequence[tuple[Document, float | None]]) -> list[Document]:
        values = [value for _, value in scored]
        if self.missing is not None:
            values = filled(values, self.missing)
        kept = []
        for (document, _), value in zip(scored, values, strict=True):
            if value is None and self.missing == "skip":
                continue
            metadata = {**document.metadata, "relevance_score": value}
            kept.append(Document(page_content=document.page_content, metadata=metadata))
        return kept[: self.top_n]
