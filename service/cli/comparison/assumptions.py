"""What a comparison understood and assumed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from assay.aggregation.comparison.draw_signs import DrawSigns
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.file_comparison import FileComparison
from assay.service.cli.comparison.verdict import not_estimated


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


def what_counts(comparison: FileComparison) -> str:
    """Return what is compared, as a word."""
    return "picks" if comparison.files.by is ComparedChoice.PICK else "candidates"


def assumptions(comparison: FileComparison) -> list[str]:
    """Return what must hold for the intervals, and what was left out."""
    return [*_of_labels(comparison), *_of_candidates(comparison)]


def _of_labels(comparison: FileComparison) -> Iterator[str]:
    result, labels = comparison.result, comparison.labels
    sampling = _sampling(comparison)
    if any(result.unusable):
        yield from _of_chosen(comparison)
    elif labels.random == "stated":
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
    if not result.whole and not any(result.unusable) and any(of.by_place for of in result.draws):
        yield (
            "labels: labelled candidates stand elsewhere in their queries than others, by"
            f" {max(abs(of.places) for of in result.draws):.0f} standard errors: the intervals hold"
            " only if a candidate's place says nothing of how good it is"
        )
    yield from _of_few(comparison)


def _sampling(comparison: FileComparison) -> str:
    return (
        "labelled queries were drawn at random (all that counts of each has a label)"
        if comparison.result.whole
        else "labelled candidates were drawn at random within their queries, and those queries at"
        " random (of n candidates, k labelled, each labelled one counts for n/k)"
    )


def _of_chosen(comparison: FileComparison) -> Iterator[str]:
    """Yield what shows that labels are of chosen candidates, and what they do not give."""
    result, what = comparison.result, what_counts(comparison)
    signs = result.draws[0 if result.unusable[0] else 1]
    yield f"labels: not drawn at random within their queries: {_signs(signs, what)}"
    yield f"not estimated: {not_estimated(result, what)}"
    for name, unusable in zip("AB", result.unusable, strict=True):
        if not unusable:
            yield (
                f"labels: all {what} of {name} in labelled queries have one, so its accuracy holds"
                " if those queries were drawn at random"
            )


def _signs(signs: DrawSigns, what: str) -> str:
    shown = [
        f"{name}'s {what} have a label in {of.labelled} of {of.queries} queries that are labelled"
        f" in part, and by chance would in {of.expected:.0f}"
        for name, of in zip("AB", signs.picks, strict=True)
        if of.unlikely
    ]
    if not shown:
        shown = [
            f"labelled candidates are predicted {'higher' if signs.predictions > 0 else 'lower'}"
            f" than others of their queries, by {abs(signs.predictions):.0f} standard errors"
        ]
    return f"{' / '.join(shown)} (chance explains that in fewer than 1 of 1000 cases)"


def _of_few(comparison: FileComparison) -> Iterator[str]:
    result, labels = comparison.result, comparison.labels
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
