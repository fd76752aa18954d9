"""The findings of a fit, for a person to judge (`label_models`, step 9)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from assay.aggregation.label_model.families import quality_weights
from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.label_model.summaries.verifier_findings import verifier_findings
from assay.aggregation.statistics.queries import TOO_LARGE

#: A base rate that is moved less towards 1/2 for want of trust needs no warning.
LEAST_SHIFT = 0.02


def fit_report(model: FittedModel) -> dict[str, Any]:
    """Return a fit as plain data: its figures, each verifier's part, and warnings."""
    counts, trust = model.counts_, model.trust_
    base_rate, source = model.believed_base_rate
    families = dict(zip(model.names_, model.families_, strict=True))
    return {
        "rows": model.rows_,
        "queries": model.queries_,
        "families": len(set(model.families_)),
        "labels": {**asdict(counts), "wrong": counts.labels - counts.correct},
        "calibrated": model.calibrated_,
        "not_calibrated_because": counts.why_not,
        "base_rate": {
            "value": base_rate,
            "from": source,
        },
        "trust": {**asdict(trust), "fitted_share": trust.fitted_share, "value": trust.value},
        "quality_stated": sorted(model.quality or {}),
        "priors": [asdict(weight) for weight in model.prior_weights_],
        "check": (
            None
            if model.check_ is None
            else {**asdict(model.check_), "fall_back": model.check_.fall_back}
        ),
        "verifiers": [
            {
                "name": name,
                "family": model.families_[place],
                "coverage": float(model.coverage_[place]),
                "agreement": float(model.d_[place]),
                "weight": float(model.weights_[place]),
                "dropped": model.dropped_.get(name),
            }
            for place, name in enumerate(model.names_)
        ],
        "copies": [{**asdict(copy), "family": families[copy.first]} for copy in model.copies_],
        "inverted": [asdict(inversion) for inversion in model.inverted_],
        "warnings": warnings(model),
    }


def warnings(model: FittedModel) -> list[str]:
    """Return warnings for a person, before the model is used."""
    counts, trust = model.counts_, model.trust_
    messages = [f"{name} is left out: {why}" for name, why in model.dropped_.items()]
    messages += [
        f"{name}: {number} score{'s'[: number > 1]} {TOO_LARGE}, which count{'s'[number > 1 :]} as"
        " missing: give smaller numbers, or leave them out"
        for name, number in model.too_large_.items()
        if name not in model.dropped_
    ]
    messages += verifier_findings(model)
    if counts.why_not:
        messages.append(f"not calibrated: {counts.why_not}")
    if counts.labels and 2 * counts.random < counts.labels:
        messages.append(
            "fewer than half of the labels were drawn at random: the base rate and the slope may be"
            " biased"
        )
    if not counts.labels and not trust.identified:
        messages.append(
            "fewer than 3 families or 4 verifiers: weights cannot be learned without labels, only"
            " the average is used"
        )
    if not counts.labels and trust.fitted_share > 0.5 > trust.two_classes:
        messages.append(
            "verifiers agree, but what they share could as well be a style as correctness: the"
            " order follows it, no base rate does; label some candidates drawn at random"
        )
    rate = model.base_rate_
    if not counts.labels and model.base_rate_from_ == "third moments" and not 0.02 <= rate <= 0.98:
        messages.append(
            f"the base rate {rate:.4f} comes from the scores alone, where few rows show it: state"
            " it, or label some candidates drawn at random"
        )
    if not counts.labels and (estimate := _half_believed_rate(model)) is not None:
        messages.append(
            f"the base rate {rate:.2f} is neither known nor assumed: the scores say {estimate:.2f},"
            f" the fit trusts them by {trust.value:.2f}, and the rest is 1/2. State it, or label"
            " some candidates drawn at random"
        )
    if not model.grouped_:
        messages.append(
            "about one candidate a query: nothing can be learned within queries, and selection"
            " means nothing"
        )
    if model.check_ is not None and model.check_.fall_back:
        messages.append(
            "the learned weights did worse than the label-free score in cross-validation: only its"
            " scale was learned"
        )
    if (
        model.quality
        and (quality_weights([model.quality.get(name) for name in model.names_]) == 1).all()
    ):
        messages.append("the stated qualities tell no verifier from another: they were ignored")
    return messages


def _half_believed_rate(model: FittedModel) -> float | None:
    """Return the scores' base rate, where the model's lies clearly between that and 1/2."""
    trust = model.trust_.value
    if model.base_rate_from_ == "stated" or not 0 < trust < 1:
        return None
    estimate = 0.5 + (model.base_rate_ - 0.5) / trust
    return estimate if abs(estimate - model.base_rate_) >= LEAST_SHIFT else None
