"""The worth of each verifier of an ensemble, by the model's own probabilities, without labels.

A smaller ensemble's score is the full one's, predicted from the remaining normal scores (least
squares within queries: the Gaussian conditional mean of the cascade). Its loss is a difference in
the model's probability of the first candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries
from assay.aggregation.statistics.row_sample import MAX_ROWS, RowSample

#: Expected selection@1 that a smaller ensemble may lose and still be called sufficient. The
#: expectation is the full model's, which is kinder than the truth: on ten public sets (100 labels,
#: all costs alike) 37 % of the verifiers are sufficient and really lose 0.004 in the mean, 0.013 at
#: most.
LOSS_TOLERANCE = 0.002
#: Keeps a solve from breaking at verifiers that are the same; too small to change a weight.
RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class RemovalStep:
    """A smaller ensemble: the verifier left out last, the remaining cost, and the loss."""

    dropped: str
    cost: float
    loss: float


@dataclass(frozen=True, slots=True)
class VerifierValues:
    """The worth of verifiers; arrays are by verifier, NaN for one that the model does not use.

    `accuracy`: expected AUC; `loss`: selection@1 that dropping it alone costs; `cost`: its
    share; `path`: verifiers left out one after the other, least value for its cost first;
    `sufficient`: the verifiers of the smallest ensemble within the tolerance; `correlations`
    (m, m): within queries; `selection`: expected selection@1 of each query (its mean is the
    ensemble's).
    """

    accuracy: Floats
    loss: Floats
    cost: Floats
    path: list[RemovalStep]
    sufficient: list[str]
    correlations: Floats
    selection: Floats


def verifier_values(
    model: LabelModel,
    scores: npt.ArrayLike,
    query_id: npt.ArrayLike,
    costs: Sequence[float],
    tolerance: float = LOSS_TOLERANCE,
) -> VerifierValues:
    """Measure verifiers on rows of raw scores, shape (n, m), or on a sample of 20,000 rows.

    `costs`: each verifier's cost of one candidate, in one unit. Raises `ValueError` if no query has
    two candidates.
    """
    table = np.asarray(scores, float)
    sample = (
        RowSample.of(table, Queries.of(query_id), model.names_) if len(table) > MAX_ROWS else None
    )
    rows, query = (table, np.asarray(query_id)) if sample is None else (sample.scores, sample.query)
    comparable = _ComparableRows.of(model, rows, query)
    used = [place for place in range(len(model.names_)) if model.maps_.usable[place]]
    shares = np.asarray(costs, float) / max(sum(costs), 1e-300)
    whole = comparable.selection(used)
    loss, accuracy = np.full(len(model.names_), np.nan), np.full(len(model.names_), np.nan)
    for place in used:
        accuracy[place] = expected_auc(comparable.raw[:, place], comparable.chance)
        loss[place] = whole - comparable.selection([other for other in used if other != place])
    path = _path(comparable, used, shares, whole, model.names_)
    enough = max(
        (number for number, step in enumerate(path, 1) if step.loss <= tolerance), default=0
    )
    dropped = {step.dropped for step in path[:enough]}
    sufficient = [model.names_[place] for place in used if model.names_[place] not in dropped]
    return VerifierValues(
        accuracy=accuracy,
        loss=loss,
        cost=shares,
        path=path,
        sufficient=sufficient,
        correlations=comparable.correlations(used),
        selection=comparable.by_query(),
    )


def expected_auc(scores: Floats, chance: Floats) -> float:
    """Return the AUC that is expected where each row is correct with a chance, ties half.

    NaN where it has no say.
    """
    present = ~np.isnan(scores) & ~np.isnan(chance)
    _, place = np.unique(scores[present], return_inverse=True)
    good, bad = np.bincount(place, chance[present]), np.bincount(place, 1 - chance[present])
    total = good.sum() * bad.sum()
    below = np.cumsum(bad) - bad
    return float((good * (below + bad / 2)).sum() / total) if total else float("nan")


@dataclass(frozen=True, slots=True)
class _ComparableRows:
    """Rows of the queries with several candidates, queries adjacent."""

    raw: Floats
    z: Floats  # normal scores less the query's mean, 0 where missing
    log_odds: Floats
    chance: Floats
    queries: Queries

    @classmethod
    def of(
        cls, model: LabelModel, scores: Floats, query_id: npt.NDArray[np.generic]
    ) -> _ComparableRows:
        every = Queries.of(query_id)
        log_odds = every.take(model.score_samples(scores, query_id))
        ordered = every.take(scores)
        comparable = np.repeat(
            every.sums(np.isfinite(log_odds).astype(float)) >= 2, every.sizes
        ) & np.isfinite(log_odds)
        if not comparable.any():
            raise ValueError(
                "no query has two candidates with a score, so no choice can be measured"
            )
        queries = Queries.of(every.codes()[comparable])
        raw, log_odds = ordered[comparable], log_odds[comparable]
        z = model.maps_.normals(raw)
        missing = np.isnan(z)
        counts = np.maximum(queries.sums((~missing).astype(float)), 1)
        means = np.repeat(queries.sums(np.where(missing, 0, z)) / counts, queries.sizes, axis=0)
        return cls(raw, np.where(missing, 0, z - means), log_odds, expit(log_odds), queries)

    def by_query(self) -> Floats:
        """Return the chance that the top candidate of each query is correct."""
        return selection_by_query(self.log_odds, self.chance, self.queries)

    def selection(self, places: Sequence[int]) -> float:
        """Return the expected selection@1 of the ensemble that has only some verifiers."""
        if not places:
            return float((self.queries.sums(self.chance) / self.queries.sizes).mean())
        z = self.z[:, places]
        target = self.log_odds - np.repeat(
            self.queries.sums(self.log_odds) / self.queries.sizes, self.queries.sizes
        )
        gram = z.T @ z
        gram[np.diag_indices_from(gram)] += RIDGE * max(float(np.trace(gram)) / len(places), RIDGE)
        return float(
            selection_by_query(
                z @ np.linalg.solve(gram, z.T @ target), self.chance, self.queries
            ).mean()
        )

    def correlations(self, places: Sequence[int]) -> Floats:
        """Return the correlations of normal scores within queries.

        NaN for a verifier that is not used, or says one thing.
        """
        matrix = np.full((self.z.shape[1], self.z.shape[1]), np.nan)
        spread = np.sqrt((self.z**2).sum(axis=0))
        some = [place for place in places if spread[place] > 0]
        unit = self.z[:, some] / spread[some]
        matrix[np.ix_(some, some)] = np.clip(unit.T @ unit, -1, 1)
        return matrix


def _path(
    comparable: _ComparableRows,
    used: Sequence[int],
    shares: Floats,
    whole: float,
    names: Sequence[str],
) -> list[RemovalStep]:
    """Leave out the verifier of least value for its cost, again and again, until one remains."""
    remaining = list(used)
    steps: list[RemovalStep] = []
    while len(remaining) > 1:
        lost = np.array(
            [
                whole - comparable.selection([other for other in remaining if other != place])
                for place in remaining
            ]
        )
        # A free verifier is left out only when no other remains.
        worth = np.maximum(lost - (steps[-1].loss if steps else 0.0), 1e-9) / np.maximum(
            shares[remaining], 1e-12
        )
        chosen = int(np.argmin(worth))
        place = remaining.pop(chosen)
        steps.append(RemovalStep(names[place], float(shares[remaining].sum()), float(lost[chosen])))
    return steps
