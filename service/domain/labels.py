"""Labels of candidates: one annotator's, and those of all annotators of a candidate together."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import orjson

from assay.service.domain.stored_values import finite_value, json_object

#: Annotators of one candidate: each further label reads and writes them all.
MOST_ANNOTATORS = 100
#: `older`: the annotator's newer label says otherwise, so this one goes into the past; `withdrawn`:
#: the annotator withdrew it after its time. Neither counts.
Outcome = Literal["new", "changed", "unchanged", "older", "withdrawn"]
#: Characters that no reader sees: around a name, they make no other one.
NAME_PADDING = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
#: What else a name's reader does not see: letters that look like blanks, and marks without a shape
#: (Unicode's `Default_Ignorable_Code_Point` of the categories Lo and Mn, and the empty braille
#: pattern).
BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
SHAPELESS_MARKS = (0x034F, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F)
VARIATION_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
NOT_OF_A_NAME = dict.fromkeys(map(ord, BLANK_LETTERS), " ") | dict.fromkeys(
    (*SHAPELESS_MARKS, *VARIATION_SELECTORS), ""
)


class TooManyAnnotatorsError(ValueError):
    """A candidate has labels of as many annotators as it may have; `key` names it."""

    key = ""


@dataclass(frozen=True, slots=True)
class Label:
    """One annotator's statement that a candidate is correct: 0, 1, or between.

    `random`: whether the candidate was drawn at random to be labelled; None: not stated. `who`: the
    annotator; None: unnamed. `at`: when it was last stated, in seconds since 1970.
    """

    correct: float
    random: bool | None = None
    who: str | None = None
    at: float = 0.0
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """The newest label of each annotator of a candidate, oldest first; at least one.

    `since`: when their mean took its present value. An annotator who agrees later leaves it as it
    is: a model that has learned the label has learned this value.
    """

    by: tuple[Label, ...]
    since: float

    @property
    def correct(self) -> float:
        """Return the mean of the annotators' labels."""
        return mean_label([label.correct for label in self.by])

    @property
    def random(self) -> bool | None:
        """Return whether the candidate was drawn at random, as one annotator says at least."""
        stated = [label.random for label in self.by if label.random is not None]
        return any(stated) if stated else None

    @property
    def spread(self) -> float:
        """Return the distance between the highest and the lowest label."""
        values = [label.correct for label in self.by]
        return max(values) - min(values)

    @property
    def conflict(self) -> bool:
        """Return whether some annotators lean to correct, and others to wrong."""
        values = [label.correct for label in self.by]
        return min(values) < 0.5 < max(values)

    def combined(self) -> Label:
        """Return all annotators' labels as one; an author and a comment only if there is one."""
        only = self.by[0] if len(self.by) == 1 else None
        return Label(
            self.correct,
            self.random,
            None if only is None else only.who,
            self.since,
            None if only is None else only.comment,
        )


@dataclass(frozen=True, slots=True)
class LabelWrites:
    """What became of each label, in order; `durable`: whether all are on disk.

    `conflicts`: the keys of those candidates whose annotators now contradict each other.
    """

    outcomes: tuple[Outcome, ...]
    durable: bool
    conflicts: frozenset[str] = frozenset()

    @property
    def new(self) -> int:
        """Return how many labels their annotators had not given before."""
        return self.outcomes.count("new")


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """A past label, or (`correct` is None) a withdrawal."""

    who: str | None
    correct: float | None
    random: bool | None
    at: float
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """A candidate's labels after one more: what became of it, and the label that it replaces."""

    record: LabelRecord
    outcome: Outcome
    past: Label | None = None


def mean_label(values: Sequence[float]) -> float:
    """Return the mean of labels: their value itself where all are the same, to the last bit."""
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


@lru_cache(maxsize=4096)
def annotator_name(who: str | None) -> str | None:
    """Return the name that identifies an annotator; None: the unnamed one.

    Blanks beside its words, characters that nobody sees, and the code points or the width of a
    letter make no other name; case and the script do.
    """
    words = unicodedata.normalize("NFKC", (who or "").translate(NOT_OF_A_NAME)).split()
    return " ".join(words).strip(" " + NAME_PADDING) or None


def merge(record: LabelRecord | None, label: Label) -> Merged:
    """Return a candidate's labels with one more; fields that it leaves out keep their values.

    The same label again changes only the time at which it was last stated. A label that is older
    than its annotator's newest one goes into the past. All labels without a name are of one
    annotator. Raises `TooManyAnnotatorsError`.
    """
    if record is None:
        return Merged(LabelRecord((label,), label.at), "new")
    earlier = _of_annotator(record, label)
    if earlier is None:
        if len(record.by) >= MOST_ANNOTATORS:
            raise TooManyAnnotatorsError(
                f"the candidate has labels of {MOST_ANNOTATORS} annotators already"
            )
        return Merged(_with(record, None, label), "new")
    stated = replace(
        label, who=earlier.who, random=earlier.random if label.random is None else label.random
    )
    if stated.correct != earlier.correct:
        if stated.at < earlier.at:
            return Merged(record, "older", stated)
        return Merged(_with(record, earlier, stated), "changed", earlier)
    return _again(record, earlier, stated)


def withdraw(
    record: LabelRecord, who: str | None, at: float
) -> tuple[LabelRecord | None, tuple[Label, ...]]:
    """Return a candidate's labels without one annotator's, and the withdrawn ones.

    `who`: the annotator, empty for the unnamed one, None for all. `at`: the time of the withdrawal,
    since when the mean of the others counts. None is left if all are gone.
    """
    gone = tuple(
        label
        for label in record.by
        if who is None or annotator_name(label.who) == annotator_name(who)
    )
    left = tuple(label for label in record.by if label not in gone)
    if not left:
        return None, gone
    after = LabelRecord(left, record.since)
    if gone and after.correct != record.correct:
        after = LabelRecord(left, max(at, *(label.at for label in left)))
    return after, gone


def was_withdrawn(record: LabelRecord | None, past: Iterable[LabelEvent], label: Label) -> bool:
    """Return whether a label's annotator, who has none now, withdrew one after this one's time."""
    if record is not None and _of_annotator(record, label) is not None:
        return False
    who = annotator_name(label.who)
    return any(
        event.correct is None and event.at > label.at and annotator_name(event.who) == who
        for event in past
    )


def _of_annotator(record: LabelRecord, label: Label) -> Label | None:
    who = annotator_name(label.who)
    return next((earlier for earlier in record.by if annotator_name(earlier.who) == who), None)


def _again(record: LabelRecord, earlier: Label, label: Label) -> Merged:
    """Return a candidate's labels after an annotator repeated theirs; the newer statement rules."""
    newest, other = (earlier, label) if label.at < earlier.at else (label, earlier)
    repeated = replace(
        newest,
        random=other.random if newest.random is None else newest.random,
        comment=other.comment if newest.comment is None else newest.comment,
    )
    same = (repeated.random, repeated.comment) == (earlier.random, earlier.comment)
    after = _with(record, earlier, repeated)
    if len(after.by) == 1:  # it may have been known earlier than its record says
        after = LabelRecord(after.by, min(record.since, label.at))
    return Merged(after, "unchanged" if same else "changed", None if same else earlier)


def _with(record: LabelRecord, earlier: Label | None, label: Label) -> LabelRecord:
    by = sorted([*(other for other in record.by if other is not earlier), label], key=_time)
    after = LabelRecord(tuple(by), record.since)
    if after.correct == record.correct:
        return after
    times = [record.since, label.at] if len(by) > 1 else [label.at]
    return LabelRecord(after.by, max(times))


def _time(label: Label) -> float:
    return label.at


def record_value(record: LabelRecord) -> bytes:
    """Return a record as the store keeps it: readable for releases that knew one label each."""
    together = record.combined()
    fields: dict[str, Any] = {
        "correct": float(together.correct),
        "random": together.random,
        "who": together.who,
    }
    if together.comment is not None:
        fields["comment"] = together.comment
    if len(record.by) > 1 or record.by[0].at != record.since:
        fields["by"] = [_fields(label) for label in record.by]
    return orjson.dumps({**fields, "at": float(together.at)})


def record_of_value(value: bytes) -> LabelRecord:
    """Return a record, ignoring a later release's additions; raise `ValueError` if invalid."""
    fields = json_object(value)
    together = _label_of(fields)
    by = fields.get("by")
    if by is None:
        return LabelRecord((together,), together.at)
    if not isinstance(by, list) or not by or not all(isinstance(label, dict) for label in by):
        raise ValueError("annotators of another form")
    return LabelRecord(tuple(_label_of(label) for label in by), together.at)


def event_lines(events: Iterable[Label | LabelEvent]) -> bytes:
    """Return past labels as the store appends them: JSON, a line each."""
    return b"\n".join(orjson.dumps(_fields(event)) for event in events)


def events_of_value(value: bytes) -> list[LabelEvent]:
    """Return a candidate's past labels, oldest change first; damaged lines are left out."""
    events = []
    for line in value.splitlines():
        try:
            fields = json_object(line)
            withdrawn = fields.get("correct") is None
            label = _label_of({**fields, "correct": 0.0} if withdrawn else fields)
        except ValueError:
            continue
        correct = None if withdrawn else label.correct
        events.append(LabelEvent(label.who, correct, label.random, label.at, label.comment))
    return events


def _fields(label: Label | LabelEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "correct": label.correct,
        "random": label.random,
        "who": label.who,
        "at": float(label.at),
    }
    return fields if label.comment is None else {**fields, "comment": label.comment}


def _label_of(fields: Mapping[str, Any]) -> Label:
    correct, random, who, at, comment = (
        fields.get(name) for name in ("correct", "random", "who", "at", "comment")
    )
    share, since = finite_value(correct), 0.0 if at is None else finite_value(at)
    if (
        not 0 <= share <= 1
        or not isinstance(random, bool | None)
        or not isinstance(who, str | None)
        or not isinstance(comment, str | None)
    ):
        raise ValueError("a label of other types")
    return Label(share, random, who, since, comment)
