"""The findings of a fit, as text for a notebook or a terminal."""

from __future__ import annotations

from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.label_model.summaries.fit_summary import warnings

HEADINGS = ("verifier", "family", "weight", "agreement", "coverage", "")
SOURCES = {
    "labels": "the share of labels that say correct",
    "stated": "stated by the caller",
    "third moments": "estimated from how the verifiers agree",
    "assumed": "assumed: it is not stated, and the data do not show it",
}


def summary_of(model: FittedModel) -> str:
    """Return a fitted model's summary: its figures, a line a verifier, and warnings."""
    return "\n".join([*_head_lines(model), "", *_verifier_lines(model), *_warning_lines(model)])


def _head_lines(model: FittedModel) -> list[str]:
    counts = model.counts_
    base_rate, source = model.believed_base_rate
    return [
        f"Label model of {len(model.names_)} verifiers, fitted on {model.rows_} rows of"
        f" {model.queries_} queries",
        f"labels:      {counts.labels} ({counts.correct:g} correct, {counts.random} drawn at"
        " random)",
        "calibrated:  " + (f"no: {counts.why_not}" if counts.why_not else "yes"),
        f"base rate:   {base_rate:.3f}, {SOURCES.get(source, source)}",
        f"trust:       {model.trust_.value:.2f} (0 to 1, in the fit without labels)",
    ]


def _verifier_lines(model: FittedModel) -> list[str]:
    """Return the table, heaviest verifier first; a weight is in log-odds a standard deviation."""
    rows = [
        (
            name,
            model.families_[place],
            f"{model.weights_[place]:+.2f}",
            f"{model.d_[place]:+.2f}",
            f"{model.coverage_[place]:.0%}",
            f"left out: {model.dropped_[name]}" if name in model.dropped_ else "",
        )
        for place, name in sorted(
            enumerate(model.names_), key=lambda verifier: -abs(model.weights_[verifier[0]])
        )
    ]
    widths = [max(map(len, cells)) for cells in zip(HEADINGS, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column in (0, 1, 5) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in (HEADINGS, *rows)
    ]


def _warning_lines(model: FittedModel) -> list[str]:
    """Return the warnings that the lines above do not say already."""
    counts = model.counts_
    above = {f"{name} is left out: {why}" for name, why in model.dropped_.items()}
    above.add(f"not calibrated: {counts.why_not}")
    remaining = [warning for warning in warnings(model) if warning not in above]
    return ["", *(f"warning: {warning}" for warning in remaining)] if remaining else []
