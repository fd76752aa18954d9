"""Outputs of OpenAI's Batch API, with the batch's input for the queries.

Published form: OpenAI's OpenAPI document, `BatchRequestInput` (`custom_id`, `method`, `url`,
`body`) and `BatchRequestOutput` (`id`, `custom_id`, `response`, `error`); bodies are those of chat
completions, completions and responses (openai/openai-python, `src/openai/types`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from assay.service.domain.errors import StartupError
from assay.service.importers.conversations import ask_mapped, content_text, messages_of
from assay.service.importers.gathering import Gathered, GatheredQuery
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

_REQUEST = frozenset({"custom_id", "method", "url", "body"})
_REPLY = frozenset({"custom_id", "response"})
_NO_INPUT = (
    "the output of a batch has no queries: give the batch's input file as well (assay import"
    " openai-batch OUTPUT INPUT), or both in one file"
)


@dataclass(frozen=True, slots=True)
class OpenAIBatch:
    """All choices of each request; requests with the same conversation are one query."""

    name: str = "openai-batch"
    title: str = "OpenAI batch files"
    shapes: tuple[RowShape, ...] = ("rankings",)
    mapped: tuple[str, ...] = ("query",)

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is a request of a batch or its reply."""
        is_reply = row.keys() >= _REPLY and bool(row.keys() & {"error", "id"})
        return row.keys() >= _REQUEST or is_reply

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield a row a query; replies without an answer are skipped, by reason."""
        requests: dict[str, ToolRow] = {}
        replies: dict[tuple[str, str], ToolRow] = {}
        for row in rows:
            custom_id = row.identity("custom_id")
            if row.values.keys() >= _REQUEST:
                first = requests.setdefault(custom_id, row)
            else:
                first = replies.setdefault((row.source, custom_id), row)
            if first is not row and first.values != row.values:
                raise row.refusal("custom_id", f"is on line {first.line} as well", custom_id)
        if not requests:
            raise StartupError(f"{wish.file or 'the file'}: {_NO_INPUT}")
        gathered = Gathered()
        for (_, custom_id), reply in replies.items():
            _enter(gathered, requests.get(custom_id), reply, custom_id, wish)
        if unanswered := len(requests.keys() - {custom_id for _, custom_id in replies}):
            wish.skipped["requests without a reply"] += unanswered
        return gathered.rows(wish)


def _enter(
    gathered: Gathered, request: ToolRow | None, reply: ToolRow, custom_id: str, wish: Wish
) -> None:
    if request is None:
        wish.skipped["replies without a request in the input file"] += 1
        return
    if (failure := _failure(reply)) is not None:
        wish.skipped[failure] += 1
        return
    texts = list(_texts(reply.below("response").below("body")))
    if not texts:
        wish.skipped["replies without a text"] += 1
        return
    asked = GatheredQuery(custom_id, reply.line)
    _ask(asked, request, wish)
    key = orjson.dumps(asked.asked()).decode()
    query = gathered.query(key, custom_id, reply)
    query.query, query.messages = asked.query, asked.messages
    for place, text in enumerate(texts):
        parts = [reply.source] if reply.source else []
        parts += [custom_id] + ([str(place)] if len(texts) > 1 else [])
        query.candidate(":".join(parts), reply, text)


def _failure(reply: ToolRow) -> str | None:
    """Return why a reply has no answer; None where it has one."""
    if reply.has("error"):
        return f"errors: {reply.below('error').values.get('code') or 'without a code'}"
    if not reply.has("response"):
        return "errors: no response"
    status = reply.below("response").values.get("status_code")
    return None if status in (200, None) else f"errors: status {status}"


def _ask(query: GatheredQuery, request: ToolRow, wish: Wish) -> None:
    if "query" in wish.columns.columns:
        ask_mapped(query, request, wish)
        return
    body = request.below("body")
    wish.understood.setdefault("query", "the request's messages, prompt or input")
    if body.has("messages"):
        query.messages = messages_of(body, "messages", body.items("messages"))
    elif body.has("prompt"):
        query.query = body.text("prompt")
    else:
        _ask_of_responses(query, body)


def _ask_of_responses(query: GatheredQuery, body: ToolRow) -> None:
    """Set what a request to /v1/responses asks: its instructions come first."""
    value = body.values.get("input")
    instructions = body.text_or_none("instructions")
    before = [] if instructions is None else [{"role": "system", "content": instructions}]
    if isinstance(value, str) and not before:
        query.query = value
    elif isinstance(value, str):
        query.messages = [*before, {"role": "user", "content": value}]
    else:
        query.messages = before + messages_of(body, "input", body.items("input"))


def _texts(body: ToolRow) -> Iterator[str]:
    """Yield the answers of a reply's body, in the form of any of the three routes."""
    if body.has("choices"):
        choices = list(body.objects("choices"))
        if all(isinstance(choice.values.get("index"), int) for choice in choices):
            choices.sort(key=lambda choice: int(choice.values["index"]))
        for choice in choices:
            yield from _of_choice(choice)
    elif body.has("output"):
        text = "".join(
            content_text(item.values.get("content")) or ""
            for item in body.objects("output")
            if item.values.get("type", "message") == "message"
        )
        if text:
            yield text


def _of_choice(choice: ToolRow) -> Iterator[str]:
    if not choice.has("message"):
        yield choice.text("text")
        return
    content = choice.below("message").values.get("content")
    if content is not None:  # a refusal or a call of a tool has none
        text = content_text(content)
        if text is None:
            raise choice.refusal("message.content", "has a part that is no text")
        yield text
