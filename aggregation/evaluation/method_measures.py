"""The measures of each way of combining scores, and how far it is ahead of simple ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.aggregation.averages.baselines import BASELINES
from assay.aggregation.evaluation.estimates import (
    Estimate,
    Interval,
    PredictionMeasures,
    share_difference,
)
from assay.aggregation.matrix import Floats

FIRST_SAMPLE, RANDOM_CANDIDATE, MAJORITY_ANSWER, BEST_SINGLE, SUPERVISED, ORACLE = (
    "first sample",
    "random candidate",
    "majority answer",
    "best single verifier",
    "supervised, all labels",
    "oracle",
)
MEAN_OF_Z, MIN_MAX, *_ = BASELINES
#: What people do without verifiers.
WITHOUT_VERIFIERS = (FIRST_SAMPLE, RANDOM_CANDIDATE, MAJORITY_ANSWER)
#: What every method's selection@1 is compared with, on the same queries.
RIVALS = (*WITHOUT_VERIFIERS, MIN_MAX, BEST_SINGLE)
#: A gain of supervised over the mean of z-scores that is too small to speak of a share of it.
SMALLEST_GAP = 0.005


@dataclass(frozen=True, slots=True)
class Method:
    """The measures of one method; None without probabilities, or for the oracle without scores.

    Intervals are over queries and over draws of labels; `PredictionMeasures` defines the measures.
    `calibration_error` has no interval: true probabilities would have an error of
    `calibration_floor`. `ahead_of`: the difference of selection@1 to simple ways, by name.
    """

    name: str
    selection: Interval
    auc: Interval | None = None
    brier: Interval | None = None
    slope: Interval | None = None
    bias: Interval | None = None
    calibration_error: float | None = None
    calibration_floor: float | None = None
    gap_closed: float | None = None
    ahead_of: dict[str, Interval] = field(default_factory=dict)


def measured(
    estimator: PredictionMeasures,
    scores: Mapping[str, Sequence[Floats]],
    probabilities: Mapping[str, Sequence[Floats]],
    oracle: Floats | None,
    seed: int,
) -> list[Method]:
    """Return the measures of all methods, by name and draw, and the oracle's (a value for each
    wholly labelled query), unless it is None.
    """
    selections = {name: estimator.selection(draws) for name, draws in scores.items()}
    methods = [
        _measured(estimator, name, scores[name], probabilities.get(name), selections, seed)
        for name in scores
    ]
    if oracle is not None:
        methods.append(Method(ORACLE, estimator.of_queries(oracle[None]).interval(0, 1)))
    by_name = {method.name: method.selection.value for method in methods}
    naive, best = by_name[MEAN_OF_Z], by_name[SUPERVISED]
    lead = share_difference(selections[SUPERVISED], selections[MEAN_OF_Z])
    sure = selections[SUPERVISED].effective is None or lead.low > 0
    if not (best - naive > SMALLEST_GAP and sure):  # of partial labels a small gap is chance
        return methods
    return [
        replace(method, gap_closed=(method.selection.value - naive) / (best - naive))
        for method in methods
    ]


def _measured(
    estimator: PredictionMeasures,
    name: str,
    scores: Sequence[Floats],
    probabilities: Sequence[Floats] | None,
    selections: Mapping[str, Estimate],
    seed: int,
) -> Method:
    selection = selections[name]
    method = Method(
        name=name,
        selection=selection.interval(0, 1),
        auc=None
        if name in (FIRST_SAMPLE, RANDOM_CANDIDATE)
        else estimator.auc(scores).interval(0, 1),
        ahead_of={
            rival: share_difference(selection, selections[rival])
            for rival in RIVALS
            if rival != name and rival in selections
        },
    )
    if probabilities is None:
        return method
    return replace(
        method,
        brier=estimator.brier(probabilities).interval(0, 1),
        slope=estimator.slope(probabilities).interval(),
        bias=estimator.bias(probabilities).interval(-1, 1),
        calibration_error=estimator.calibration_error(probabilities),
        calibration_floor=estimator.calibration_floor(probabilities, seed),
    )
