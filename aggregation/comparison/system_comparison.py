"""Two systems on the same queries: how often each is right, and the difference, paired by query."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from assay.aggregation.comparison.draw_signs import DrawSigns, draw_signs
from assay.aggregation.comparison.label_chances import (
    Flags,
    LabelChances,
    chances_between,
    chances_within,
    uneven,
)
from assay.aggregation.comparison.labelled_side import WeightedSide
from assay.aggregation.comparison.more_labels import labels_to_decide, labels_worth, narrowest
from assay.aggregation.comparison.prediction_powered import PoweredEstimate, PredictionPowered
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

Decision = Literal["second", "first", "same", "open"]
#: A weight this small is rounding.
NO_WEIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class ComparedCandidates:
    """The candidates of the queries that both systems answered, shape (rows,).

    `codes`: each row's query, from 0. `labels` and `predictions`: NaN where there is none. Of each
    system, `weights` sum to 1 in each query, and `members` are the candidates that it could choose.
    `repeated`: another candidate of the query has the same text, whose label is of both.
    """

    codes: Ints
    labels: Floats
    predictions: Floats
    weights: tuple[Floats, Floats]
    members: tuple[Flags, Flags]
    repeated: Flags | None = None

    @property
    def queries(self) -> int:
        """Return the number of queries."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0


@dataclass(frozen=True, slots=True)
class Compared:
    """An estimate with predictions and the one by labels alone; None without a label that counts.

    `labels`: those that count. `worth`: as many would be as good without predictions.
    """

    powered: PoweredEstimate | None
    classical: PoweredEstimate | None
    labels: int

    @property
    def worth(self) -> float:
        """Return how many labels would be as good without predictions."""
        if self.powered is None or self.classical is None:
            return math.nan
        return labels_worth(self.powered, self.classical, self.labels)


@dataclass(frozen=True, slots=True)
class SystemComparison:
    """All that was measured.

    `differing`: queries where the systems choose otherwise, and `share` of the choices that
    differs. `labelled_differing`: those of them with a label that counts. `predicted`: candidates
    that count and have a prediction, of `counting`. `whole`: labelled queries have labels of all
    that counts; else labels are of candidates drawn within queries. `uneven`: labels were not drawn
    alike where the systems differ and elsewhere. `more_labels`: an estimate, see
    `labels_to_decide`; `unlabelled`: the candidates that are left for that. `draws`: signs among
    each system's candidates that labels are of chosen ones; `unusable`: whether such labels say
    nothing of a system, since they are not of all that counts of it.
    """

    queries: int
    differing: int
    share: float
    labelled_queries: int
    labelled_differing: int
    labels: int
    counting: int
    predicted: int
    whole: bool
    uneven: bool
    accuracy: tuple[Compared, Compared]
    difference: Compared
    more_labels: float
    unlabelled: int
    draws: tuple[DrawSigns, DrawSigns] = (DrawSigns(), DrawSigns())
    unusable: tuple[bool, bool] = (False, False)

    @property
    def narrowest(self) -> float:
        """Return half the interval of the difference, about, if all that is left had labels."""
        if self.difference.powered is None:
            return math.nan
        return narrowest(self.difference.powered, self.difference.labels, self.unlabelled)

    @property
    def decision(self) -> Decision:
        """Return which is better: the second, the first, neither, or not decided yet."""
        powered = self.difference.powered
        if not self.differing:
            return "same"
        if powered is None or powered.low <= 0 <= powered.high:
            return "open"
        return "second" if powered.value > 0 else "first"


def compare_systems(candidates: ComparedCandidates) -> SystemComparison:
    """Compare two systems; labels must be of candidates, or of whole queries, drawn at random.

    The difference needs that only among the queries where the systems differ. Labels of chosen
    candidates, such as one system's picks, give the accuracy of a system only if they are of all
    that counts of it; otherwise it is not estimated, nor is the difference.
    """
    first, second = candidates.weights
    change = second - first
    change[np.abs(change) < NO_WEIGHT] = 0.0
    codes, queries = candidates.codes, candidates.queries
    labelled = ~np.isnan(candidates.labels)
    counts = (first > NO_WEIGHT) | (second > NO_WEIGHT)
    differ = np.bincount(codes, np.abs(change), queries) > 0
    with_label = np.bincount(codes, labelled, queries) > 0
    lopsided = uneven(with_label, differ)
    draws = _draws(candidates)
    within = [
        _usable(chances_within(labelled, weights > NO_WEIGHT, members, codes), signs)
        for weights, members, signs in zip(
            candidates.weights, candidates.members, draws, strict=True
        )
    ]
    estimator = PredictionPowered(
        candidates.labels, _filled(candidates.predictions), codes, queries
    )
    between = chances_between(with_label, differ) if lopsided else np.ones(queries)
    accuracy = tuple(
        _compared(estimator, [WeightedSide(weights, of.chance * between[codes])])
        for weights, of in zip(candidates.weights, within, strict=True)
    )
    sides = [
        WeightedSide(np.maximum(change, 0.0), within[1].chance, 1.0),
        WeightedSide(np.maximum(-change, 0.0), within[0].chance, -1.0),
    ]
    difference = _compared(estimator, sides) if differ.any() else _no_difference()
    of_difference = labelled & (change != 0)
    return SystemComparison(
        queries=queries,
        differing=int(differ.sum()),
        share=float(np.abs(change).sum() / 2 / max(1, queries)),
        labelled_queries=int(with_label.sum()),
        labelled_differing=int((np.bincount(codes, of_difference, queries) > 0).sum()),
        labels=int((labelled & counts).sum()),
        counting=int(counts.sum()),
        predicted=int((counts & ~np.isnan(candidates.predictions)).sum()),
        whole=within[0].whole and within[1].whole,
        uneven=lopsided,
        accuracy=(accuracy[0], accuracy[1]),
        difference=difference,
        more_labels=_more(difference),
        unlabelled=int(((change != 0) & ~labelled).sum()),
        draws=draws,
        unusable=(_unusable(within[0], draws[0]), _unusable(within[1], draws[1])),
    )


def _draws(candidates: ComparedCandidates) -> tuple[DrawSigns, DrawSigns]:
    """Return the signs among each system's candidates."""
    labelled = ~np.isnan(candidates.labels)
    weights = candidates.weights
    chosen = (weights[0] > NO_WEIGHT, weights[1] > NO_WEIGHT)
    first, second = candidates.members
    if candidates.repeated is not None:
        # A label of a text that occurs twice is of two candidates, which were drawn together.
        repeats = np.bincount(candidates.codes, candidates.repeated, candidates.queries) > 0
        first, second = first & ~repeats[candidates.codes], second & ~repeats[candidates.codes]
    signs = draw_signs(labelled, first, candidates.codes, chosen, candidates.predictions)
    if (first == second).all():
        return signs, signs
    return signs, draw_signs(labelled, second, candidates.codes, chosen, candidates.predictions)


def _unusable(chances: LabelChances, signs: DrawSigns) -> bool:
    return signs.chosen and not chances.whole


def _usable(chances: LabelChances, signs: DrawSigns) -> LabelChances:
    """Return the chances, NaN where they are not known: of chosen candidates within queries."""
    if not _unusable(chances, signs):
        return chances
    return replace(chances, chance=np.full(len(chances.chance), np.nan))


def _compared(estimator: PredictionPowered, sides: list[WeightedSide]) -> Compared:
    """Return both estimates; None of a mean some of whose queries have no chance of a label."""
    if any(np.isnan(side.chance[side.weights > NO_WEIGHT]).any() for side in sides):
        return Compared(None, None, 0)
    counts = np.sum([side.weights for side in sides], axis=0)
    labels = int((~np.isnan(estimator.labels) & (counts > NO_WEIGHT)).sum())
    return Compared(estimator.estimate(sides), estimator.estimate(sides, power=0.0), labels)


def _no_difference() -> Compared:
    """Return the difference of systems that choose alike: 0, without doubt, on these queries."""
    zero = PoweredEstimate(
        value=0.0, low=0.0, high=0.0, power=0.0, variance=0.0, labelling=0.0, labelled=0.0
    )
    return Compared(zero, zero, 0)


def _more(difference: Compared) -> float:
    if difference.powered is None:
        return math.nan
    return labels_to_decide(difference.powered, difference.labels)


def _filled(predictions: Floats) -> Floats:
    """Return predictions with the mean for missing ones, which neither help nor mislead."""
    present = ~np.isnan(predictions)
    if not present.any():
        return np.zeros(len(predictions))
    return np.where(present, predictions, predictions[present].mean())
