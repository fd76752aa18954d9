"""Inverted verifiers: they score wrong candidates above right ones.

Without labels a verifier is inverted if the others' shared factor runs against it: it is fitted
without the verifier, so that a verifier of noise has no part in what it is compared with. Of three
families, two must agree with each other and the third run against both. With labels, they decide.

The more verifiers, the more of them run against the others by chance: thresholds are those of a fit
as a whole (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from assay.aggregation.label_model.rank_one import MIN_FAMILIES, fit_rank_one
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, finite
from assay.aggregation.statistics.shard import Shard

#: The share of fits in which noise alone makes an inverted verifier, at most.
FALSE_ALARMS = 0.001
#: Standard errors above 0 from which labels clearly show the opposite of what the others do.
CLEARLY_RIGHT = 3.0
#: A weaker correlation with the shared factor, in size, says nothing worth naming.
LEAST_LOADING = 0.1


@dataclass(frozen=True, slots=True)
class Inversion:
    """An inverted verifier.

    `loading`: its correlation with the factor that the others share, None where they do not show
    it; `labelled_auc`: its AUC on labelled candidates, None without enough of them.
    """

    name: str
    loading: float | None
    labelled_auc: float | None

    @property
    def by_labels(self) -> bool:
        """Return whether labels show it."""
        return self.labelled_auc is not None


def errors_by_chance(comparisons: int) -> float:
    """Return how many standard errors the largest of so many comparisons exceeds by chance alone.

    In at most `FALSE_ALARMS` of all fits.
    """
    return float(-ndtri(FALSE_ALARMS / max(comparisons, 1)))


def against_the_factor(correlations: Floats, pairs: Floats, families: Ints, d: Floats) -> Floats:
    """Return the loadings of the verifiers that run against the factor of the others, 0 for others.

    `d`: the loadings of the whole fit. Nobody is named unless most families follow the factor, and
    with fewer than three families.
    """
    loadings = np.zeros(len(d))
    counts = np.bincount(families)
    means = np.bincount(families, weights=d)[counts > 0] / counts[counts > 0]
    if len(means) < MIN_FAMILIES or (means > 0).sum() <= (means < 0).sum():
        return loadings
    enough = errors_by_chance(len(d))
    for place in np.flatnonzero(d <= -LEAST_LOADING):
        if _errors_below(correlations, pairs, families, int(place)) >= enough:
            loadings[place] = d[place]
    return loadings


def _errors_below(correlations: Floats, pairs: Floats, families: Ints, place: int) -> float:
    """Return how many standard errors a verifier's agreement with the others' factor is below 0.

    0 where two families are left that do not agree: they have no factor.
    """
    others = np.flatnonzero(families != families[place])
    block = np.ix_(others, others)
    apart = families[others][:, None] != families[others][None, :]
    among = correlations[block]
    if not apart.any() or not _two_agree(among, pairs[block], families[others], apart):
        return 0.0
    d, _ = fit_rank_one(among, pairs[block], families[others])
    sizes = np.bincount(families)[families[others]]
    misfit = float(np.median(np.abs(among - np.outer(d, d))[apart]))
    rows = pairs[place, others]
    weights = d / sizes * (rows > 0)
    # The variance of sum_j w_j r_j for a verifier that has nothing to do with the others. They
    # follow their factor together, so that w R w is more than w w, also for a factor of noise.
    spread = weights / np.sqrt(np.maximum(rows, 1))
    variance = max(float(spread @ among @ spread), float(spread @ spread))
    variance += float(weights @ weights) * misfit**2
    agreement = float(weights @ correlations[place, others])
    return -agreement / float(np.sqrt(variance)) if variance > 0 else 0.0


def _two_agree(
    correlations: Floats, pairs: Floats, families: Ints, apart: npt.NDArray[np.bool_]
) -> bool:
    """Return whether the two families that are left agree beyond chance; true for more families."""
    if len(np.unique(families)) > MIN_FAMILIES - 1:
        return True
    rows = float(np.median(pairs[apart]))
    agreement = float(correlations[apart].mean()) * float(np.sqrt(rows))
    return agreement >= errors_by_chance(MIN_FAMILIES)


def labelled_aucs(scores: Floats, labels: Floats) -> list[tuple[float, float] | None]:
    """Return each verifier's AUC on labelled rows, and its standard error by chance.

    `scores`, shape (n, m), NaN where missing; `labels`, shape (n,), correct above 1/2. None where
    one class has no score.
    """
    aucs: list[tuple[float, float] | None] = []
    for column in scores.T:
        present = ~np.isnan(column) & ~np.isnan(labels)
        correct = labels[present] > 0.5
        right, wrong = int(correct.sum()), int((~correct).sum())
        if not right or not wrong:
            aucs.append(None)
            continue
        ranks = rankdata(column[present])
        auc = (float(ranks[correct].sum()) / right - (right + 1) / 2) / wrong
        aucs.append((auc, float(np.sqrt((right + wrong + 1) / (12 * right * wrong)))))
    return aucs


def inversions(names: Sequence[str], loadings: Floats, labelled: Shard | None) -> list[Inversion]:
    """Return the inverted verifiers: those that labels show, and those that only the others show.

    `loadings`: of `against_the_factor`. Labels that clearly show the opposite win.
    """
    aucs: list[tuple[float, float] | None] = [None] * len(names)
    enough = errors_by_chance(len(names))
    if labelled is not None and labelled.labels is not None:
        aucs = labelled_aucs(finite(labelled.scores), labelled.labels)
    named = []
    for name, loading, measured in zip(names, loadings.tolist(), aucs, strict=True):
        auc, error = measured or (0.5, 1.0)
        errors = (auc - 0.5) / error
        if errors <= -enough or (loading < 0 and errors < CLEARLY_RIGHT):
            shown = auc if errors <= -enough else None
            named.append(Inversion(name, loading if loading < 0 else None, shown))
    return named
