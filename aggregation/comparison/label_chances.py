"""Each candidate's chance of having a label, as far as the labels themselves show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

Flags = npt.NDArray[np.bool_]
#: Labels fall together in queries of one kind less often than this by chance.
UNLIKELY = 0.001


@dataclass(frozen=True, slots=True)
class LabelChances:
    """The chance of each row, up to a factor; `whole`: labelled queries have all that count."""

    chance: Floats
    whole: bool


def chances_within(labelled: Flags, counts: Flags, pool: Flags, codes: Ints) -> LabelChances:
    """Return the chances of a system's candidates to be labelled, given their query has a label.

    If in every labelled query all candidates that count are labelled, the queries were drawn: 1.
    Otherwise candidates were drawn within queries: of n candidates, k labelled, k/n.
    """
    size = int(codes.max()) + 1 if len(codes) else 0
    of_pool, labels = np.bincount(codes[pool], minlength=size), labelled & pool
    labels_of = np.bincount(codes[labels], minlength=size)
    lacking = np.bincount(codes[pool & counts & ~labelled], minlength=size)
    if not (lacking[labels_of > 0] > 0).any():
        return LabelChances(np.ones(len(codes)), whole=True)
    share = labels_of / np.maximum(of_pool, 1)
    return LabelChances(np.where(pool, share[codes], 1.0), whole=False)


def uneven(labelled: Flags, differ: Flags) -> bool:
    """Return whether queries where the systems differ have labels more, or less, often than others.

    Both of shape (queries,). By chance, True in one of a thousand cases.
    """
    count, share = int(labelled.sum()), float(differ.mean()) if len(differ) else 0.0
    if not count or share in (0.0, 1.0):
        return False
    both = int((labelled & differ).sum())
    return bool(binomtest(both, count, share).pvalue < UNLIKELY)


def chances_between(labelled: Flags, differ: Flags) -> Floats:
    """Return each query's chance to be labelled, among those that differ and among the others.

    NaN for a kind of query without any label.
    """
    chance = np.full(len(differ), np.nan)
    for kind in (differ, ~differ):
        if kind.any() and labelled[kind].any():
            chance[kind] = labelled[kind].mean()
    return chance
