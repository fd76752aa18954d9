"""A task's labels in the store: on disk before they count as kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from assay.service.domain.stored_values import Label, label_of
from assay.service.store.lua import LABEL
from assay.service.store.task_keys import TaskKeys

LABELS_AT_ONCE = 500
#: Each wait is shorter than the store's own time-out, which would take a slow disk for a dead
#: server.
DURABLE_WAIT_MS, DURABLE_TRIES = 400, 10


class KeptLabels(TaskKeys):
    """The labels of a task's candidates, by candidate key."""

    async def label(self, labels: Mapping[str, Label]) -> tuple[int, bool]:
        """Keep labels by candidate key; return how many are new, and whether they are on disk.

        A label that is known already changes nothing, and keeps its first time.
        """
        every = list(labels.items())
        *before, last = [
            every[place : place + LABELS_AT_ONCE] for place in range(0, len(every), LABELS_AT_ONCE)
        ]
        # So many at a time, so that others do not wait for the store; waiting for the last waits
        # for all.
        early = sum(
            [
                int(await self._run(LABEL, ("labels", "taken"), *_label_parts(some)))
                for some in before
            ]
        )
        keys, values = [self._keys["labels"], self._keys["taken"]], _label_parts(last)
        new: int | None = None
        for _ in range(
            DURABLE_TRIES
        ):  # sent again, which changes nothing, so that the wait has a write
            added, durable = await self._mended(
                lambda: self._store.write_through(
                    keys[0], "EVAL", LABEL, len(keys), *keys, *values, wait_ms=DURABLE_WAIT_MS
                )
            )
            new = early + int(added) if new is None else new
            if durable:
                return new, True
        return new or 0, False

    async def labels(self) -> dict[str, Label]:
        """Return all labels by candidate key."""
        return await self._whole("labels", await self._all("labels"), label_of)


def _label_parts(labels: Sequence[tuple[str, Label]]) -> list[str | bytes]:
    """Return labels as the script takes them."""
    parts: list[str | bytes] = []
    for key, label in labels:
        random = "" if label.random is None else str(int(label.random))
        who = b"" if label.who is None else orjson.dumps(label.who)
        parts += [
            key,
            orjson.dumps(float(label.correct)),
            random,
            who,
            orjson.dumps(float(label.at)),
        ]
    return parts
