"""LangChain: a document compressor that reranks by the probability of answering the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field

from .client import AsyncClient, Client


class AssayRerank(BaseDocumentCompressor):  # type: ignore[misc,unused-ignore]  # LangChain may not be installed
    """Keeps the `top_n` first documents, with `relevance_score` in their metadata."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    task: str = "default"
    top_n: int | None = 3
    client: Client = Field(default_factory=Client)
    async_client: AsyncClient = Field(default_factory=AsyncClient)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> Sequence[Document]:
        """Return the best documents, best first."""
        if not documents:
            return []
        return self._chosen(
            documents,
            self.client.rank(
                query,
                [document.page_content for document in documents],
                task=self.task,
                uncalibrated="number",
            ),
        )

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> Sequence[Document]:
        """Return the best documents, best first."""
        if not documents:
            return []
        texts = [document.page_content for document in documents]
        ranking = await self.async_client.rank(query, texts, task=self.task, uncalibrated="number")
        return self._chosen(documents, ranking)

    def _chosen(self, documents: Sequence[Document], ranking: Any) -> list[Document]:
        chosen = []
        for result in ranking.results[: self.top_n]:
            document = documents[result.index]
            metadata = {**document.metadata, "relevance_score": result.probability}
            chosen.append(Document(page_content=document.page_content, metadata=metadata))
        return chosen
