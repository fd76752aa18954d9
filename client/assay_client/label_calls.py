"""Labels of a task: to send, to withdraw and to list them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Protocol

from .answers import object_of
from .exchange import labels_body, page_of


class Asking(Protocol):
    """What labels need of a blocking client."""

    def post(self, path: str, body: Any) -> Any:
        """Return the parsed answer to a request."""

    def get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """Return the parsed answer to a GET."""


class AsyncAsking(Protocol):
    """What labels need of an asynchronous client."""

    async def post(self, path: str, body: Any) -> Any:
        """Return the parsed answer to a request."""

    async def get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """Return the parsed answer to a GET."""


class LabelCalls:
    """The calls of a blocking client that concern labels."""

    def label(self: Asking, task: str, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Send labels: {"key" of a result, "correct": true}; answered when they are on disk.

        Instead of the key: the query (a text, or a conversation), candidate, and the reference or
        tests that were sent with it. "random": true states that the candidate was drawn at random
        to be labelled: 25 labels must, and half of all, to calibrate. "who" names the annotator:
        several of one candidate count with their mean. The answer says of each label whether it
        `matched` a candidate that the task has kept.
        """
        return object_of(self.post(f"/v1/tasks/{task}/labels", labels_body(labels)))

    def withdraw(self: Asking, task: str, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Withdraw labels, named as in `label`: of the annotator "who" ("": unnamed), else of all.

        The answer counts the `withdrawn` labels, and the `unknown` entries that had none.
        """
        return object_of(self.post(f"/v1/tasks/{task}/labels/withdraw", labels_body(labels)))

    def labels(
        self: Asking, task: str, limit: int = 1000, history: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield a task's labels by candidate, each with its annotators' (`by`), page by page.

        With `history`, replaced and withdrawn labels as well.
        """
        after: str | None = None
        while True:
            page = object_of(self.get(f"/v1/tasks/{task}/labels", page_of(limit, after, history)))
            yield from page.get("labels", [])
            if (after := page.get("next")) is None:
                return


class AsyncLabelCalls:
    """The calls of an asynchronous client that concern labels."""

    async def label(
        self: AsyncAsking, task: str, labels: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Send labels, as `LabelCalls.label` does."""
        return object_of(await self.post(f"/v1/tasks/{task}/labels", labels_body(labels)))

    async def withdraw(
        self: AsyncAsking, task: str, labels: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Withdraw labels, as `LabelCalls.withdraw` does."""
        return object_of(await self.post(f"/v1/tasks/{task}/labels/withdraw", labels_body(labels)))

    async def labels(
        self: AsyncAsking, task: str, limit: int = 1000, history: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield a task's labels, as `LabelCalls.labels` does."""
        after: str | None = None
        while True:
            page = object_of(
                await self.get(f"/v1/tasks/{task}/labels", page_of(limit, after, history))
            )
            for label in page.get("labels", []):
                yield label
            if (after := page.get("next")) is None:
                return
