"""LangChain's reranker, over stand-ins of its classes."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest
from assay_client import AsyncClient, Client, NoScoreError, Retrying
from pydantic import BaseModel, ValidationError

from tests.client.answers import problem, ranking, sigmoid
from tests.client.stand_ins import package
from tests.support.http.canned_server import answering_by_path

ONCE = Retrying(tries=1)


class Document(BaseModel):
    """A text with metadata."""

    page_content: str
    metadata: dict[str, Any] = {}


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, imported over the stand-ins."""
    package(monkeypatch, "langchain_core.callbacks", Callbacks=Any)
    package(
        monkeypatch,
        "langchain_core.documents",
        BaseDocumentCompressor=BaseModel,
        Document=Document,
    )
    monkeypatch.setitem(
        sys.modules, "langchain_core.callbacks", ModuleType("langchain_core.callbacks")
    )
    monkeypatch.setattr(sys.modules["langchain_core.callbacks"], "Callbacks", Any, raising=False)
    monkeypatch.delitem(sys.modules, "assay_client.langchain", raising=False)
    return importlib.import_module("assay_client.langchain")


def reranker(adapter: ModuleType, url: str, **options: Any) -> Any:
    """Return a reranker whose clients ask once."""
    return adapter.AssayRerank(
        client=Client(url, retrying=ONCE), async_client=AsyncClient(url, retrying=ONCE), **options
    )


DOCUMENTS = [Document(page_content=text) for text in ("a", "b", "c")]


@pytest.mark.parametrize(
    ("missing", "kept"),
    [
        (None, [("c", sigmoid(1.0)), ("a", 0.5), ("b", None)]),
        ("skip", [("c", sigmoid(1.0)), ("a", 0.5)]),
        (0.1, [("c", sigmoid(1.0)), ("a", 0.5), ("b", 0.1)]),
    ],
)
async def test_a_document_without_a_score(adapter: ModuleType, missing: Any, kept: Any) -> None:
    """Is kept last, left out, or has a stated number, in both clients."""
    with answering_by_path({"*": ranking([0.0, None, 1.0])}) as server:
        compressor = reranker(adapter, server.url, missing=missing)
        plain = compressor.compress_documents(DOCUMENTS, "q")
        awaited = await compressor.acompress_documents(DOCUMENTS, "q")
        with pytest.raises(NoScoreError):
            reranker(adapter, server.url, missing="raise").compress_documents(DOCUMENTS, "q")
    for documents in (plain, awaited):
        found = [(each.page_content, each.metadata["relevance_score"]) for each in documents]
        assert found == kept


async def test_documents_without_any_score(adapter: ModuleType) -> None:
    """An error by default; else none, or all in their own order."""
    with answering_by_path({"*": problem("no_verifier")}, status=503) as server:
        for missing in (None, "raise"):
            with pytest.raises(NoScoreError):
                reranker(adapter, server.url, missing=missing).compress_documents(DOCUMENTS, "q")
        nothing = reranker(adapter, server.url, missing="skip")
        assert nothing.compress_documents(DOCUMENTS, "q") == []
        stated = reranker(adapter, server.url, missing=0.5, top_n=2)
        documents = await stated.acompress_documents(DOCUMENTS, "q")
    assert [each.page_content for each in documents] == ["a", "b"]
    assert [each.metadata["relevance_score"] for each in documents] == [0.5, 0.5]


@pytest.mark.parametrize("missing", ["group_mean", "median", float("nan")])
def test_a_word_that_a_reranker_has_no_use_for_is_refused(
    adapter: ModuleType, missing: Any
) -> None:
    """When it is made."""
    with pytest.raises(ValidationError, match="missing"):
        adapter.AssayRerank(missing=missing)
