"""A task's labels in the store: on disk before they count as kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.labels import (
    Label,
    LabelEvent,
    LabelRecord,
    LabelWrites,
    Outcome,
    TooManyAnnotatorsError,
    event_lines,
    events_of_value,
    merge,
    record_of_value,
    record_value,
    was_withdrawn,
    withdraw,
)
from assay.service.store.kept.label_script import LABEL, LABEL_WHEN_FULL
from assay.service.store.reply_checks import so_many
from assay.service.store.task_keys import TaskKeys

LABELS_AT_ONCE = 500
#: Each wait is shorter than the store's own time-out, which would take a slow disk for a dead
#: server.
DURABLE_WAIT_MS, DURABLE_TRIES = 400, 10
#: Others may label the same candidates; each of them succeeds at once or tries again.
MOST_RACES = 50


@dataclass(slots=True)
class _Change:
    """One candidate's labels before and after: the stored value, the record, what became past.

    `history`: what was past before, as the store has it.
    """

    before: bytes
    record: LabelRecord | None
    past: list[Label | LabelEvent]
    changed: int = 0
    history: bytes = b""

    def parts(self, key: str) -> list[str | bytes | int]:
        """Return it as the script takes it."""
        after = b"" if self.record is None else record_value(self.record)
        return [key, self.before, after, event_lines(self.past), self.changed]


class KeptLabels(TaskKeys):
    """The labels of a task's candidates, by candidate key."""

    async def label(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Keep labels, each beside those of other annotators.

        The same label again changes only the time at which it was last stated. Raises
        `TooManyAnnotatorsError` before anything is written (where annotators come meanwhile:
        before anything of the part of `LABELS_AT_ONCE` is), or `StoreError`.
        """
        outcomes: list[Outcome] = []
        conflicts: set[str] = set()
        durable = True
        every = list(labels)
        if len(every) > LABELS_AT_ONCE:  # none of its parts may be refused after another is written
            await self.try_labels(every)
        for place in range(0, len(every), LABELS_AT_ONCE):
            some = every[place : place + LABELS_AT_ONCE]
            # Waiting for the last part waits for all.
            last = place + LABELS_AT_ONCE >= len(every)
            for _ in range(MOST_RACES):
                changes = await self._changes([key for key, _ in some], past=True)
                part = [_add(key, changes[key], label) for key, label in some]
                written, durable = await self._write_labels(changes, last)
                if written:
                    break
            else:
                raise StoreRefusedError("raced", "others label the same candidates all the time")
            outcomes += part
            conflicts = (conflicts - changes.keys()) | _contradicted(changes)
        return LabelWrites(tuple(outcomes), durable, frozenset(conflicts))

    async def try_labels(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Return what would become of labels, and keep none. Raises the errors of `label`."""
        every = list(labels)
        keys = list(dict.fromkeys(key for key, _ in every))
        changes: dict[str, _Change] = {}
        for place in range(0, len(keys), LABELS_AT_ONCE):
            changes |= await self._changes(keys[place : place + LABELS_AT_ONCE], past=True)
        outcomes = tuple(_add(key, changes[key], label) for key, label in every)
        return LabelWrites(outcomes, False, frozenset(_contradicted(changes)))

    async def withdraw(
        self, withdrawals: Sequence[tuple[str, str | None]], at: float
    ) -> tuple[list[int], bool]:
        """Withdraw labels by candidate key and annotator; return how many each, and if durably.

        An annotator is a name, empty for the unnamed one, or None for all of the candidate. A full
        store takes withdrawals as well, and forgets the comments of these labels to make room.
        Raises `StoreError`.
        """
        counts: list[int] = []
        durable = True
        for place in range(0, len(withdrawals), LABELS_AT_ONCE):
            some = withdrawals[place : place + LABELS_AT_ONCE]
            last = place + LABELS_AT_ONCE >= len(withdrawals)
            for _ in range(MOST_RACES):
                changes = await self._changes([key for key, _ in some])
                part = [_take(changes[key], who, at) for key, who in some]
                written, durable = await self._write_withdrawals(changes, last)
                if written:
                    break
            else:
                raise StoreRefusedError("raced", "others label the same candidates all the time")
            counts += part
        return counts, durable

    async def labels(self) -> dict[str, Label]:
        """Return all labels by candidate key, those of several annotators as one."""
        return {key: record.combined() for key, record in (await self.label_records()).items()}

    async def label_records(self) -> dict[str, LabelRecord]:
        """Return all labels by candidate key, with their annotators."""
        return await self._whole("labels", await self._all("labels"), record_of_value)

    async def label_keys(self) -> list[str]:
        """Return the keys of the candidates that have a label."""
        return [name.decode("utf-8", "replace") for name in await self._all("labels")]

    async def label_past(self) -> dict[str, list[LabelEvent]]:
        """Return replaced and withdrawn labels by candidate key, oldest change first."""
        return await self._whole("labels_past", await self._all("labels_past"), events_of_value)

    async def _changes(self, keys: Sequence[str], past: bool = False) -> dict[str, _Change]:
        """Return candidates' labels as they are, with their past if asked; a damaged one counts as
        none.
        """
        names = list(dict.fromkeys(keys))
        values = await self._values("labels", names)
        histories = await self._values("labels_past", names) if past else [None] * len(names)
        return {
            key: _Change(value or b"", _readable(value), [], history=history or b"")
            for key, value, history in zip(names, values, histories, strict=True)
        }

    async def _values(self, part: str, names: Sequence[str]) -> list[bytes | None]:
        values: list[bytes | None] = await self._ask(
            partial(self._redis.hmget, self._keys[part], list(names)), so_many(len(names))
        )
        return values

    async def _write_withdrawals(
        self, changes: dict[str, _Change], wait: bool
    ) -> tuple[bool, bool]:
        """Write changes that take labels away, as `_write_labels` does, in a full store as well."""
        try:
            return await self._write_labels(changes, wait)
        except StoreRefusedError as exc:
            if exc.reason != "full":
                raise
        for change in changes.values():
            change.past = [replace(event, comment=None) for event in change.past]
        return await self._write_labels(changes, wait, LABEL_WHEN_FULL)

    async def _write_labels(
        self, changes: dict[str, _Change], wait: bool, script: str = LABEL
    ) -> tuple[bool, bool]:
        """Write changes; return whether nobody was faster, and whether they are on disk."""
        values = [part for key, change in changes.items() for part in change.parts(key)]
        if not wait:
            return not await self._run(script, ("labels", "taken", "labels_past"), *values), False
        keys = [self._keys[part] for part in ("labels", "taken", "labels_past")]
        # Sent again, which changes nothing, so that the wait has a write.
        for _ in range(DURABLE_TRIES):
            raced, durable = await self._mended(
                lambda: self._store.write_through(
                    keys[0], "EVAL", script, len(keys), *keys, *values, wait_ms=DURABLE_WAIT_MS
                )
            )
            if raced:
                return False, False
            if durable:
                return True, True
        return True, False


def _readable(value: bytes | None) -> LabelRecord | None:
    try:
        return None if value is None else record_of_value(value)
    except ValueError:
        return None


def _contradicted(changes: Mapping[str, _Change]) -> set[str]:
    """Return the keys of candidates whose annotators contradict each other."""
    return {
        key
        for key, change in changes.items()
        if change.record is not None and change.record.conflict
    }


def _add(key: str, change: _Change, label: Label) -> Outcome:
    """Add a label to a candidate's; return what became of it."""
    was_damaged = change.record is None and change.before != b""
    # most candidates have no withdrawal: their past need not be read
    if b'"correct":null' in change.history and was_withdrawn(
        change.record, events_of_value(change.history), label
    ):
        change.past.append(label)
        return "withdrawn"
    try:
        merged = merge(change.record, label)
    except TooManyAnnotatorsError as exc:
        exc.key = key
        raise
    change.record = merged.record
    if merged.past is not None:
        change.past.append(merged.past)
    change.changed += merged.outcome not in ("unchanged", "older")
    return "changed" if was_damaged else merged.outcome


def _take(change: _Change, who: str | None, at: float) -> int:
    """Take an annotator's labels from a candidate; return how many went."""
    if change.record is None:
        return 0
    change.record, gone = withdraw(change.record, who, at)
    for label in gone:
        change.past += [label, LabelEvent(label.who, None, None, at)]
    change.changed += len(gone)
    return len(gone)
