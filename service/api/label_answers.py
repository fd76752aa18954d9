"""Answers about labels: what became of those that were sent, and the listing of those kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import orjson

from assay.service.api.label_requests import LabelsIn
from assay.service.domain.labels import (
    Label,
    LabelEvent,
    LabelRecord,
    LabelWrites,
    mean_label,
)

UNMATCHED = (
    "they are kept, and count once such a request is ranked and kept; texts must repeat the"
    " request's query or messages, reference and tests to the letter"
)


@dataclass(frozen=True, slots=True)
class SentLabels:
    """The labels of a request, in order, with their candidates' keys.

    `labels` has each annotator's label of a candidate once. `places`: of each label sent among
    them. `contradictions`: pairs of places in the request of labels of one annotator and
    moment that contradict each other.
    """

    keys: tuple[str, ...]
    labels: tuple[tuple[str, Label], ...]
    places: tuple[int, ...]
    contradictions: tuple[tuple[int, int], ...]


def sent_labels(payload: LabelsIn, now: float) -> SentLabels:
    """Return the labels of a request.

    Labels of one candidate, annotator and moment are one: their mean, for none of them is newer.
    """
    keys = tuple(label.candidate_key() for label in payload.labels)
    sent = [(key, label.label(now)) for key, label in zip(keys, payload.labels, strict=True)]
    groups: dict[tuple[str, str | None, float], list[int]] = {}
    for place, (key, label) in enumerate(sent):
        groups.setdefault((key, label.who, label.at), []).append(place)
    labels, places, contradictions = [], [0] * len(sent), []
    for number, group in enumerate(groups.values()):
        first = group[0]
        labels.append((keys[first], _mean([sent[place][1] for place in group])))
        for place in group:
            places[place] = number
        other = [place for place in group if sent[place][1].correct != sent[first][1].correct]
        if other:
            contradictions.append((first, other[0]))
    return SentLabels(keys, tuple(labels), tuple(places), tuple(contradictions))


def _mean(labels: Sequence[Label]) -> Label:
    """Return one annotator's labels of one moment as one."""
    stated = [label.random for label in labels if label.random is not None]
    comments = [label.comment for label in labels if label.comment is not None]
    return Label(
        mean_label([label.correct for label in labels]),
        any(stated) if stated else None,
        labels[0].who,
        labels[0].at,
        comments[-1] if comments else None,
    )


def taken_answer(sent: SentLabels, writes: LabelWrites, kept: Collection[str]) -> dict[str, Any]:
    """Return what became of labels: counts, and a result for each in the order sent.

    Of labels that were taken together, the first has the outcome and the others are unchanged.
    `conflicts` counts candidates, as the listing does; `contradictions` those of one annotator.
    """
    seen: set[int] = set()
    results = []
    for key, place in zip(sent.keys, sent.places, strict=True):
        outcome = "unchanged" if place in seen else writes.outcomes[place]
        seen.add(place)
        results.append({"key": key, "matched": key in kept, "outcome": outcome})
    counts = {
        name: sum(result["outcome"] == name for result in results)
        for name in ("new", "changed", "unchanged", "older", "withdrawn")
    }
    unmatched = sum(not result["matched"] for result in results)
    return {
        "labels": len(results),
        **counts,
        "matched": len(results) - unmatched,
        "unmatched": unmatched,
        "conflicts": len(writes.conflicts),
        "contradictions": len(sent.contradictions),
        "results": results,
        "warnings": _warnings(sent, writes, unmatched, counts),
    }


def _warnings(
    sent: SentLabels, writes: LabelWrites, unmatched: int, counts: Mapping[str, int]
) -> list[str]:
    warnings = []
    if unmatched:
        warnings.append(
            f"unmatched: {unmatched} of {len(sent.keys)} labels are of candidates that this task"
            f" has not kept: {UNMATCHED}"
        )
    if writes.conflicts:
        example = next(place for place, key in enumerate(sent.keys) if key in writes.conflicts)
        warnings.append(
            f"conflict: the annotators of {len(writes.conflicts)} of these candidates contradict"
            f" each other, first labels.{example}: their mean counts"
        )
    if counts["older"]:
        warnings.append(
            f"older: {counts['older']} labels do not count: their annotators said otherwise later;"
            " sent without `at`, they count"
        )
    if counts["withdrawn"]:
        warnings.append(
            f"withdrawn: {counts['withdrawn']} labels do not count: they were withdrawn after their"
            " time (`at`); sent without `at`, they count again"
        )
    if sent.contradictions:
        first, second = sent.contradictions[0]
        warnings.append(
            f"contradiction: {len(sent.contradictions)} candidates have labels of one annotator and"
            f" moment that contradict each other, first labels.{first} and labels.{second}: their"
            " mean counts; `who` or `at` tells such labels apart"
        )
    return warnings


def withdrawn_answer(keys: Sequence[str], counts: Sequence[int]) -> dict[str, Any]:
    """Return how many labels were withdrawn, and a result for each entry."""
    return {
        "labels": len(keys),
        "withdrawn": sum(counts),
        "unknown": counts.count(0),
        "results": [
            {"key": key, "withdrawn": count} for key, count in zip(keys, counts, strict=True)
        ],
    }


@dataclass(frozen=True, slots=True)
class LabelPage:
    """Which part of a listing is wanted: at most so many, after a key; None: all."""

    limit: int | None = None
    after: str | None = None


def listing(
    name: str,
    records: Mapping[str, LabelRecord],
    past: Mapping[str, Sequence[LabelEvent]] | None,
    kept: AbstractSet[str],
    page: LabelPage,
) -> bytes:
    """Return a task's labels as JSON, in the order of their keys; with `past`, the history."""
    keys = sorted(records if past is None else {*records, *past})
    start = 0 if page.after is None else bisect_right(keys, page.after)
    some = keys[start:] if page.limit is None else keys[start : start + page.limit]
    more = some and start + len(some) < len(keys)
    return orjson.dumps(
        {
            "task": name,
            "total": len(records),
            "matched": len(records.keys() & kept),
            "unmatched": len(records.keys() - kept),
            "conflicts": sum(record.conflict for record in records.values()),
            "next": some[-1] if more else None,
            "labels": [_shown(key, records.get(key), past, key in kept) for key in some],
        }
    )


def _shown(
    key: str,
    record: LabelRecord | None,
    past: Mapping[str, Sequence[LabelEvent]] | None,
    matched: bool,
) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": key, "matched": matched}
    if record is None:
        shown |= dict.fromkeys(("correct", "random", "who", "at", "comment", "spread"))
        shown |= {"annotators": 0, "conflict": False, "by": []}
    else:
        shown |= _fields(record.combined())
        shown |= {
            "annotators": len(record.by),
            "spread": record.spread,
            "conflict": record.conflict,
            "by": [_fields(label) for label in record.by],
        }
    if past is not None:
        events: list[Label | LabelEvent] = [*past.get(key, ())]
        events += () if record is None else record.by
        events.sort(key=lambda event: event.at)
        shown["history"] = [_fields(event) for event in events]
    return shown


def _fields(label: Label | LabelEvent) -> dict[str, Any]:
    return {
        "who": label.who,
        "correct": label.correct,
        "random": label.random,
        "at": label.at,
        "comment": label.comment,
    }
