"""Cross-validation of the learned head beside the scaled label-free score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from assay.aggregation.evaluation.measures import log_losses, selection_by_query, squared_errors
from assay.aggregation.label_model.head import HeadRows
from assay.aggregation.label_model.hyperparameters import MANY_LABELS, Hyperparameters
from assay.aggregation.label_model.labelled_head import base_only_head, fit_head
from assay.aggregation.label_model.transfer import TransferPrior
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

FROM_LABELS = 100
CHECK_FOLDS = 5


@dataclass(frozen=True, slots=True)
class HeadCheck:
    """Results of cross-validation: means over labelled queries, each unseen by its head.

    `log_loss_difference`: the head's minus the scaled label-free score's, negative where the head
    is better; `error`: its standard error. Selection is among the labelled candidates of a query,
    so it is no estimate of selection@1.
    """

    log_loss_difference: float
    error: float
    brier_head: float
    brier_scaled: float
    selection_head: float
    selection_label_free: float

    @property
    def fall_back(self) -> bool:
        """Return whether the head is worse by more than one standard error."""
        return self.log_loss_difference > self.error


def check_head(
    rows: HeadRows,
    labels: Floats,
    query: Ints,
    families: Ints,
    used: Floats,
    with_query: bool,
    hyperparameters: Hyperparameters,
    transfer: TransferPrior | None,
) -> HeadCheck | None:
    """Return the check of labelled rows, queries adjacent.

    None with fewer than 100 labels, too many, or too few queries.
    """
    codes = np.unique(query, return_inverse=True)[1]
    count = int(codes.max()) + 1
    if not FROM_LABELS <= len(labels) <= MANY_LABELS or count < 2 * CHECK_FOLDS:
        return None
    fold = np.random.default_rng(0).permutation(count)[codes] % CHECK_FOLDS
    learned, scaled = np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    for part in range(CHECK_FOLDS):
        train, test = fold != part, fold == part
        if not 0 < labels[train].sum() < train.sum():
            return None
        some, other = rows.take(train), rows.take(test)
        queries = Queries.of(codes[test])
        head = fit_head(some, labels[train], families, used, with_query, hyperparameters, transfer)[
            0
        ]
        plain = base_only_head(some, labels[train])
        learned[test], scaled[test] = head.log_odds(other, queries), plain.log_odds(other, queries)
    checked = ~np.isnan(learned)
    queries = Queries.of(codes[checked])
    labels, learned, scaled, base = (
        labels[checked],
        learned[checked],
        scaled[checked],
        rows.base[checked],
    )
    differences = (
        queries.sums(log_losses(learned, labels) - log_losses(scaled, labels)) / queries.sizes
    )
    return HeadCheck(
        log_loss_difference=float(differences.mean()),
        error=float(differences.std(ddof=1) / np.sqrt(len(differences))),
        brier_head=float(squared_errors(expit(learned), labels).mean()),
        brier_scaled=float(squared_errors(expit(scaled), labels).mean()),
        selection_head=float(selection_by_query(learned, labels, queries).mean()),
        selection_label_free=float(selection_by_query(base, labels, queries).mean()),
    )
