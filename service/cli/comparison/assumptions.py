"""What a comparison understood and assumed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.file_comparison import FileComparison


def understood(comparison: FileComparison) -> dict[str, object]:
    """Return how the files were read."""
    identity = {
        "content": "the same where text or key is the same",
        "name": "the same where query_id and candidate are the same",
        "own": "each system's own",
    }[comparison.joined.identity]
    return {
        "candidates": identity,
        "columns": [
            ", ".join(f"{name}={column}" for name, column in system.columns.items())
            for system in comparison.systems
        ],
        "named_by": [
            system.columns.get("candidate", "place in the query") for system in comparison.systems
        ],
        "picked_by": list(_picked_by(comparison)),
        "predicted_by": list(comparison.predicted_by),
        "labels_from": str(comparison.files.labels or "the files themselves"),
    }


def _picked_by(comparison: FileComparison) -> Iterator[str | None]:
    for place, column in enumerate(comparison.picked_by):
        if comparison.files.by is ComparedChoice.CANDIDATES:
            yield "mean of all candidates"
        elif place == 0 and comparison.files.baseline is not None:
            yield {
                SimpleChoice.FIRST: "first of the query",
                SimpleChoice.RANDOM: "mean of all candidates",
            }[comparison.files.baseline]
        else:
            yield column


def assumptions(comparison: FileComparison) -> list[str]:
    """Return what must hold for the intervals, and what was left out."""
    return [*_of_labels(comparison), *_of_candidates(comparison)]


def _of_labels(comparison: FileComparison) -> Iterator[str]:
    result, labels = comparison.result, comparison.labels
    sampling = (
        "labelled queries were drawn at random (all that counts of each has a label)"
        if result.whole
        else "labelled candidates were drawn at random within their queries, and those queries at"
        " random (of n candidates, k labelled, each labelled one counts for n/k)"
    )
    if labels.random == "stated":
        yield f"labels: stated to be random; {sampling}"
    elif labels.random == "assumed":
        yield f"labels: assumed to be random (`random` does not state it for all); {sampling}"
    elif result.whole:
        yield (
            "labels: stated not to be of random candidates; all that counts of each labelled query"
            " has a label, so the intervals hold if those queries were drawn at random"
        )
    else:
        yield (
            "labels: all are stated not to be random; the intervals hold only if their candidates"
            " are typical nevertheless"
        )
    if labels.left_out:
        yield f"labels: {labels.left_out} stated not to be random do not count"
    if labels.unmatched:
        yield f"labels: {labels.unmatched} are of candidates that are not compared"
    if result.uneven:
        yield (
            "labels: not drawn alike where the systems differ and elsewhere; the two kinds of query"
            " are weighed by their number, and an accuracy without labels of one kind is not"
            " estimated"
        )


def _of_candidates(comparison: FileComparison) -> Iterator[str]:
    result, joined = comparison.result, comparison.joined
    if joined.identity == "name" and comparison.files.other is not None:
        yield (
            "candidates: taken for the same where query_id and candidate are the same; if each"
            " system has its own, give --own-candidates"
        )
    if any(joined.left_out):
        first, second = joined.left_out
        yield f"queries: left out are {first} that only A has, and {second} that only B has"
    lacking = result.counting - result.predicted
    if lacking and result.predicted:
        yield (
            f"predictions: {lacking} of {result.counting} candidates that count have none; they"
            " get the mean prediction"
        )
    elif lacking:
        yield "predictions: none; the estimates are by labels alone"
