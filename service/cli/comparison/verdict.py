"""The verdict of a comparison in one sentence."""

from __future__ import annotations

import math
from dataclasses import replace

from assay.aggregation.comparison.prediction_powered import PoweredEstimate
from assay.aggregation.comparison.system_comparison import SystemComparison

#: More labels than that are not worth a number.
MOST_LABELS = 1_000_000


def verdict(result: SystemComparison, names: tuple[str, str], what: str) -> str:
    """Return which system is better, or what would decide it; `what`: "picks" or "candidates"."""
    powered, decision = result.difference.powered, result.decision
    if decision == "same":
        return f"no difference: the {what} are the same in all {result.queries} queries"
    if powered is None and any(result.unusable):
        return f"not decided: {not_estimated(result, what)}"
    if powered is None:
        lacking = (
            "labels are of candidates of one system only where the systems differ"
            if result.labelled_differing
            else "no label is of a candidate by which the systems differ"
        )
        return (
            f"not decided: {lacking}; their {what}"
            f" differ in {result.differing} of {result.queries} queries, so the difference is"
            f" {result.share:.3f} at most; label candidates there"
        )
    if decision == "open":
        return f"not decided: B − A is {interval_text(powered)}; {_more(result)}"
    better = f"B ({names[1]})" if decision == "second" else f"A ({names[0]})"
    size = powered if decision == "second" else _turned(powered)
    return f"{better} is better: {interval_text(size)}"


def not_estimated(result: SystemComparison, what: str) -> str:
    """Return what labels of chosen candidates do not give, and which labels would."""
    first, second = result.unusable
    if first and second:
        return (
            "labels are of chosen candidates, not of random ones, and not of all that counts, so"
            " that neither accuracy nor the difference can be estimated; label both systems'"
            f" {what} in all queries that have a label"
        )
    judged, unjudged = ("B", "A") if first else ("A", "B")
    return (
        f"labels are of {judged}'s {what}, and {unjudged}'s accuracy and the difference cannot be"
        f" estimated from them; label {unjudged}'s {what} in the same queries"
    )


def _turned(powered: PoweredEstimate) -> PoweredEstimate:
    return replace(powered, value=-powered.value, low=-powered.high, high=-powered.low)


def interval_text(estimate: PoweredEstimate, signed: bool = True) -> str:
    """Return an estimate and its interval, such as `+0.041 (95 %: 0.012 to 0.070)`."""
    value = f"{estimate.value:+.3f}" if signed else f"{estimate.value:.3f}"
    return f"{value} (95 %: {estimate.low:.3f} to {estimate.high:.3f})"


def _more(result: SystemComparison) -> str:
    """Return what would decide: labels, or queries; always an estimate."""
    more = result.more_labels
    all_of_them = (
        f"labels of all {result.unlabelled} candidates that are left there would narrow it to about"
        f" ±{result.narrowest:.3f} (estimate)"
    )
    if not math.isfinite(more) or more > MOST_LABELS:
        return f"too near 0 for labels on these queries to decide; {all_of_them}"
    about = round_up(more)
    if about > result.unlabelled:
        return (
            f"about {about} more labels on queries where they differ would decide: more than there"
            f" are candidates; {all_of_them}"
        )
    return f"about {about} more labels on queries where they differ would decide (estimate)"


def round_up(count: float) -> int:
    """Return a count to two digits, rounded up; 1 at least."""
    unit = int(10 ** max(0, len(str(int(count))) - 2))
    return max(1, math.ceil(count / unit) * unit)
