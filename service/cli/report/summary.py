"""A report, in sentences."""

from __future__ import annotations

from typing import Any

#: In place of a version, if none serves the present verifiers.
NOT_SERVED = "a model fitted for this report, which no task serves"


def summary_lines(report: dict[str, Any]) -> list[str]:
    """Return a report in sentences."""
    labels, subset, version = (
        report["labels"],
        report["subset"],
        report["model_version"] or NOT_SERVED,
    )
    lines = [
        f"{version}: {report['rows']:,} candidates of {report['queries']:,} queries,"
        f" {labels['used']} of {labels['given']} labels used,"
        f" {'calibrated' if report['calibrated'] else 'not calibrated'}"
    ]
    why_not = report.get("not_calibrated_because")
    lines += [f"not calibrated: {why_not}"] if why_not and labels["given"] else []
    unused = unused_labels(labels["given"], labels.get("because") or {})
    lines += [line for line in (unused, _disagreement(labels)) if line]
    lines += [line for line in (expected_gain(report), _measured_share(report)) if line]
    lines += report.get("findings") or ()
    if all(verifier.get("measured_auc", 0.5) is None for verifier in report["verifiers"]):
        lines.append(
            "no label measures a verifier: its agreement with the model is the model's own echo,"
            " and no accuracy"
        )
    if len(subset["verifiers"]) < len(report["verifiers"]):
        lines.append(
            f"as good within {points(subset['tolerance'])}: {', '.join(subset['verifiers'])}; "
            f"that saves {1 - subset['cost_share']:.0%} of the cost"
        )
    if (spare := report.get("advice")) is not None:
        lines.append(
            f"{', '.join(spare['verifiers'])}: together {spare['variance_share']:.1%} of the"
            f" score's variance and {spare['cost_share']:.0%} of the cost; a cascade asks them last"
            " (policy: cascade)"
        )
    for entry in report["verifiers"]:
        if (report.get("drift") or {}).get(entry["name"], {}).get("alarm"):
            lines.append(f"{entry['name']} drifts: its scores have changed since the fit")
    return lines


#: Why labels count in no fit, by the report's field.
UNUSED = {
    "not_kept": "are of candidates that no kept request has: of texts that were not ranked so, of"
    " requests that left the window or that a cascade cut short",
    "not_scored": "are of candidates that none of the present verifiers scored",
    "one_kind": "all say the same: label some candidates of the other kind",
    "no_model": "wait for a first model",
}


def unused_labels(labels: int, because: dict[str, int]) -> str | None:
    """Return why some of the labels are not used; None if all are."""
    parts = [
        f"{because[reason]} of {labels} {words}"
        for reason, words in UNUSED.items()
        if because.get(reason)
    ]
    return f"labels not used: {'; '.join(parts)}" if parts else None


def _disagreement(labels: dict[str, Any]) -> str | None:
    if not labels.get("several"):
        return None
    return (
        f"{labels['several']} candidates have labels of several annotators, who contradict each"
        f" other in {labels['conflicts']}; their mean counts"
    )


def expected_gain(report: dict[str, Any]) -> str | None:
    """Return the expected value of the ensemble and of more labels; None without an estimate."""
    selection, gain = report["selection"], report["gain"]
    if selection["expected"] is None:
        return None
    line = (
        f"{report['labels']['used']} labels: expected selection@1 {selection['expected']:.2f} ±"
        f" {selection['error']:.2f}"
    )
    return (
        line
        if gain is None
        else f"{line}, the next {gain['more']} are worth at least about {gain['worth']:+.3f}"
    )


def _measured_share(report: dict[str, Any]) -> str | None:
    measured = report["selection"]["measured"]
    if measured is None:
        return None
    low, high = measured["low"], measured["high"]
    return (
        f"of {measured['labels']} labelled top candidates {measured['value']:.0%} are correct"
        f" ({low:.0%} to {high:.0%})"
    )


def points(value: float) -> str:
    """Return a share as points of a percentage."""
    return f"{100 * value:.1f} points"
