"""Drift: changes in a verifier's scores, or in its agreement, since the fit.

Two measures over recent rows. The population stability index, sum (q - p) ln(q / p) over the
deciles of the fit's scores (Siddiqi 2006: above 0.25 the population is another one), sees a shift.
The correlation within queries with the other verifiers (each weighed by how far it agrees itself),
compared by Fisher's z, sees one whose numbers look as before and mean nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats

DECILES = 10
#: Rows below which drift is not tested.
MIN_WINDOW_ROWS = 200
ALARM_PSI, ALARM_Z = 0.25, 4.0


@dataclass(frozen=True, slots=True)
class DriftReference:
    """One verifier's scores at the fit: bin edges, shares, agreement and its rows."""

    edges: list[float]
    shares: list[float]
    agreement: float | None
    rows: int
    weight: float  # in the mean that others are compared with


@dataclass(frozen=True, slots=True)
class Drift:
    """How far recent scores are from the fit's; None if too little is known."""

    psi: float | None
    agreement_z: float | None
    rows: int

    @property
    def alarm(self) -> bool:
        """Return whether the verifier is another one by now."""
        return (self.psi or 0.0) > ALARM_PSI or abs(self.agreement_z or 0.0) > ALARM_Z


def references(scores: Floats, query: npt.NDArray[np.int64]) -> list[DriftReference]:
    """Return each verifier's reference, from `scores` (n, m), NaN if missing, and `query` (n,)."""
    weights = np.clip(
        np.nan_to_num(agreement(scores, query, np.ones(scores.shape[1]))[0]), 0.01, None
    )
    agreements, counts = agreement(scores, query, weights)
    by_verifier = []
    for column in range(scores.shape[1]):
        values = scores[np.isfinite(scores[:, column]), column]
        edges = (
            np.unique(np.quantile(values, np.linspace(0, 1, DECILES + 1)[1:-1]))
            if len(values)
            else np.zeros(0)
        )
        correlation = None if np.isnan(agreements[column]) else float(agreements[column])
        by_verifier.append(
            DriftReference(
                edges.tolist(),
                _shares(values, edges).tolist(),
                correlation,
                int(counts[column]),
                float(weights[column]),
            )
        )
    return by_verifier


def drifts(
    reference: Sequence[DriftReference], scores: Floats, query: npt.NDArray[np.int64]
) -> list[Drift]:
    """Return how far recent rows are from the reference, by verifier."""
    agreements, counts = agreement(scores, query, np.array([fitted.weight for fitted in reference]))
    return [
        _drift(
            fitted,
            scores[np.isfinite(scores[:, column]), column],
            float(agreements[column]),
            int(counts[column]),
        )
        for column, fitted in enumerate(reference)
    ]


def _drift(reference: DriftReference, values: Floats, now: float, count: int) -> Drift:
    if len(values) < MIN_WINDOW_ROWS or not reference.shares:
        return Drift(None, None, len(values))
    before, after = np.array(reference.shares), _shares(values, np.array(reference.edges))
    psi = float(((after - before) * np.log(after / before)).sum())
    z = None
    if (
        reference.agreement is not None
        and not np.isnan(now)
        and min(count, reference.rows) > MIN_WINDOW_ROWS // 2
    ):
        error = np.sqrt(1 / (count - 3) + 1 / (reference.rows - 3))
        z = float((np.arctanh(_inside(now)) - np.arctanh(_inside(reference.agreement))) / error)
    return Drift(psi, z, len(values))


def agreement(
    scores: Floats, query: npt.NDArray[np.int64], weights: Floats
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return each verifier's correlation with the others' mean within queries, and free rows."""
    sizes = np.bincount(query)
    with np.errstate(invalid="ignore", divide="ignore"):
        present = np.isfinite(scores)
        inside = np.full_like(scores, np.nan)
        for column in range(scores.shape[1]):
            rows = present[:, column]
            sums = np.bincount(query[rows], scores[rows, column], len(sizes))
            counts = np.bincount(query[rows], minlength=len(sizes))
            centred = scores[rows, column] - (sums / counts)[query[rows]]
            spread = centred.std() if len(centred) else 0.0
            inside[rows, column] = centred / spread if spread > 0 else np.nan
        filled = np.nan_to_num(inside) * weights
        others = filled.sum(axis=1, keepdims=True) - filled
        correlations = np.array(
            [
                _correlation(inside[:, column], others[:, column])
                for column in range(scores.shape[1])
            ]
        )
    free = present.sum(axis=0) - np.array(
        [len(np.unique(query[present[:, column]])) for column in range(scores.shape[1])]
    )
    return correlations, free


def _correlation(column: Floats, other: Floats) -> float:
    both = np.isfinite(column)
    if both.sum() < 3 or column[both].std() == 0 or other[both].std() == 0:
        return float("nan")
    return float(np.corrcoef(column[both], other[both])[0, 1])


def _shares(values: Floats, edges: Floats) -> Floats:
    """Return the share of scores in each bin, half a score added to each, so that none is empty."""
    counts = (
        np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5
    )
    return np.asarray(counts / counts.sum())


def _inside(correlation: float) -> float:
    return float(np.clip(correlation, -0.999, 0.999))
