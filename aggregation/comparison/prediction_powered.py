"""Prediction-powered means: predictions of all queries, corrected by the labels of a few.

PPI++ of Angelopoulos, Duchi and Zrnic (2023, arXiv 2311.01453): the mean of λ·prediction over all
queries, plus the mean of label - λ·prediction over the labelled ones. Any predictions give valid
intervals; good ones give narrow ones, since λ minimises the variance.

What is added here for few labels: intervals count pseudo-labels, as Agresti and Coull's (one mean)
and Agresti and Caffo's (a difference) do, half of them with the label turned, so that labels which
are all alike, or all as predicted, leave doubt; Student's quantiles; and means of candidates that
were drawn within queries are Hájek's, with the query as the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from assay.aggregation.comparison.labelled_side import LabelledSide, WeightedSide
from assay.aggregation.comparison.power_square import PowerSquare
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

#: Pseudo-labels of an interval: half as they are, half turned.
PSEUDO_LABELS = 4
#: How many labels a λ costs that is learned from the labels themselves.
POWER_PRICE = 2.0


@dataclass(frozen=True, slots=True)
class PoweredEstimate:
    """An estimate with its 95 % interval; `power` is λ, 0 for labels only.

    `labelling`: the part of `variance` that more labels would make smaller. `labelled`: the queries
    with a label that counts, as many as if all counted alike.
    """

    value: float
    low: float
    high: float
    power: float
    variance: float
    labelling: float
    labelled: float


class PredictionPowered:
    """Estimates of means over queries: rows' labels, NaN where unknown, and predictions."""

    def __init__(self, labels: Floats, predictions: Floats, codes: Ints, queries: int) -> None:
        self.labels, self.predictions = labels, predictions
        self.codes, self.queries = codes, queries

    def estimate(
        self, sides: Sequence[WeightedSide], power: float | None = None
    ) -> PoweredEstimate | None:
        """Return the mean of one side, or the signed sum of two; None without a label of a side.

        The weights of one side are 1 in each query; those of two have the same sum in each query,
        1 at most. `power`: λ, where it is not to be chosen; 0 is the estimate by labels alone.
        """
        pseudo = PSEUDO_LABELS / len(sides) / 2
        means = [
            LabelledSide.of(side, self.labels, self.predictions, self.codes, self.queries, pseudo)
            for side in sides
        ]
        labelled = [mean for mean in means if mean is not None]
        if len(labelled) < len(sides):
            return None
        signs = [side.sign for side in sides]
        return self._of_sides(_Signed.of(signs, labelled), sides, power)

    def _of_sides(
        self, signed: _Signed, sides: Sequence[WeightedSide], power: float | None
    ) -> PoweredEstimate:
        counts = self._by_query(sides[0].weights)
        share, smooth, spread = _share(counts)
        weights = np.sum([side.sign * side.weights for side in sides], axis=0)
        predicted = self._by_query(weights * self.predictions)
        whole, of_labels = self._squares(signed, counts, predicted, spread)
        if power is None:
            power, variance, labelling = _learned(whole, of_labels, signed.labelled)
        else:
            variance, labelling = whole.at(power), of_labels.at(power)
        value = power * float(predicted.mean()) + share * (signed.label - power * signed.prediction)
        # Towards one half, as Agresti and Coull: but errors of predictions lean to neither side.
        centre = value + (1 - power) * share * (signed.smoothed - signed.label)
        return self._interval(
            value,
            centre * (smooth / share if share > 0 else 1.0),
            (power, variance, labelling, signed.labelled),
            -1.0 if len(sides) > 1 else 0.0,
        )

    def _squares(
        self, signed: _Signed, counts: Floats, predicted: Floats, spread: float
    ) -> tuple[PowerSquare, PowerSquare]:
        """Return the variance of the estimate, and the labels' part of it."""
        share = float(counts.mean())
        around = (counts - share) / self.queries
        moved, turned = share * signed.labels, share * signed.predictions
        pseudo = PowerSquare().plus(signed.pseudo, share**2)
        of_all = PowerSquare.of(
            moved + around * signed.smoothed,
            turned + around * signed.prediction - (predicted - predicted.mean()) / self.queries,
        )
        of_share = PowerSquare(
            signed.smoothed**2, signed.smoothed * signed.prediction, signed.prediction**2
        )
        whole = of_all.plus(pseudo).plus(of_share, spread)
        return whole, PowerSquare.of(moved, turned).plus(pseudo)

    def _interval(
        self, value: float, centre: float, spread: tuple[float, float, float, float], lowest: float
    ) -> PoweredEstimate:
        """Return an estimate, cut to its range, with its interval, which holds it."""
        power, variance, labelling, labelled = spread
        half = self._half_width(variance, labelling, labelled + PSEUDO_LABELS / 2 - 1)
        value = min(1.0, max(lowest, value))
        return PoweredEstimate(
            value=value,
            low=min(value, max(lowest, centre - half)),
            high=max(value, min(1.0, centre + half)),
            power=power,
            variance=variance,
            labelling=labelling,
            labelled=labelled,
        )

    def _half_width(self, variance: float, labelling: float, freedom: float) -> float:
        """Return half the interval: Student's, by Satterthwaite's degrees of freedom."""
        if not variance > 0:
            return 0.0
        rest = max(0.0, variance - labelling)
        squares = labelling**2 / freedom + rest**2 / max(1, self.queries - 1)
        quantile = float(student.ppf(0.975, (labelling + rest) ** 2 / squares))
        return quantile * float(np.sqrt(variance))

    def _by_query(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.codes, values, self.queries), np.float64)


@dataclass(frozen=True, slots=True)
class _Signed:
    """Sides' means and influences, added with their signs."""

    label: float
    smoothed: float
    prediction: float
    labels: Floats
    predictions: Floats
    pseudo: PowerSquare
    labelled: float

    @classmethod
    def of(cls, signs: Sequence[float], sides: Sequence[LabelledSide]) -> _Signed:
        pairs = list(zip(signs, sides, strict=True))
        pseudo = PowerSquare()
        for side in sides:
            pseudo = pseudo.plus(side.pseudo)
        by_query = np.sum([side.by_query for side in sides], axis=0)
        return cls(
            label=sum(sign * side.label for sign, side in pairs),
            smoothed=sum(sign * side.smoothed for sign, side in pairs),
            prediction=sum(sign * side.prediction for sign, side in pairs),
            labels=np.sum([sign * side.labels for sign, side in pairs], axis=0),
            predictions=np.sum([sign * side.predictions for sign, side in pairs], axis=0),
            pseudo=pseudo,
            labelled=float(by_query.sum() ** 2 / (by_query**2).sum()),
        )


def _share(counts: Floats) -> tuple[float, float, float]:
    """Return the share of what counts, or differs; the same with four pseudo-queries, two of them
    turned; and the variance that those add.
    """
    size, share = len(counts), float(counts.mean())
    if not np.ptp(counts):
        return share, share, 0.0
    smooth = ((size + 2) * share + 2 * (1 - share)) / (size + 4)
    spread = float(((counts - smooth) ** 2 + (1 - counts - smooth) ** 2).mean())
    return share, smooth, 2 * spread / (size + 4) ** 2


def _learned(
    whole: PowerSquare, of_labels: PowerSquare, labelled: float
) -> tuple[float, float, float]:
    """Return the best λ, the variance and the labels' part of it; 0 where λ does not pay.

    It comes from the same labels, so it costs some of them.
    """
    power = whole.best()
    price = of_labels.at(power) * POWER_PRICE / labelled
    if whole.at(power) + price >= whole.at(0.0):
        return 0.0, whole.at(0.0), of_labels.at(0.0)
    return power, whole.at(power) + price, of_labels.at(power) + price
