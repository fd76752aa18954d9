"""Inverted verifiers: they score wrong candidates above right ones.

Without labels a verifier is inverted if the others' shared factor runs against it: it is fitted
without the verifier, so that a verifier of noise has no part in what it is compared with. With
labels, they decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from assay.aggregation.label_model.rank_one import fit_rank_one
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, finite
from assay.aggregation.statistics.shard import Shard

#: Standard errors below 0 that it takes without labels, and with them.
ERRORS, LABEL_ERRORS = 4.0, 3.0
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


def against_the_factor(correlations: Floats, pairs: Floats, families: Ints, d: Floats) -> Floats:
    """Return the loadings of the verifiers that run against the factor of the others, 0 for others.

    `d`: the loadings of the whole fit. Nobody is named unless most families follow the factor.
    """
    loadings = np.zeros(len(d))
    means = np.bincount(families, weights=d) / np.maximum(np.bincount(families), 1)
    if (means > 0).sum() <= (means < 0).sum():
        return loadings
    for place in np.flatnonzero(d <= -LEAST_LOADING):
        if _errors_below(correlations, pairs, families, int(place)) >= ERRORS:
            loadings[place] = d[place]
    return loadings


def _errors_below(correlations: Floats, pairs: Floats, families: Ints, place: int) -> float:
    """Return how many standard errors a verifier's agreement with the others' factor is below 0."""
    others = np.flatnonzero(families != families[place])
    block = np.ix_(others, others)
    d, _ = fit_rank_one(correlations[block], pairs[block], families[others])
    sizes = np.bincount(families)[families[others]]
    off = families[others][:, None] != families[others][None, :]
    if not off.any():
        return 0.0
    misfit = float(np.median(np.abs(correlations[block] - np.outer(d, d))[off]))
    weights = d / sizes * (pairs[place, others] > 0)
    variance = weights**2 @ (1 / np.maximum(pairs[place, others], 1) + misfit**2)
    agreement = float(weights @ correlations[place, others])
    return -agreement / float(np.sqrt(variance)) if variance > 0 else 0.0


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
    if labelled is not None and labelled.labels is not None:
        aucs = labelled_aucs(finite(labelled.scores), labelled.labels)
    named = []
    for name, loading, measured in zip(names, loadings.tolist(), aucs, strict=True):
        auc, error = measured or (0.5, 1.0)
        errors = (auc - 0.5) / error
        if errors <= -LABEL_ERRORS or (loading < 0 and errors < LABEL_ERRORS):
            shown = auc if errors <= -LABEL_ERRORS else None
            named.append(Inversion(name, loading if loading < 0 else None, shown))
    return named
