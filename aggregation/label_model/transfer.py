"""This task's weights according to other tasks' labelled heads, verifier by verifier.

A task's weights are one shared vector plus a deviation of its own. Other tasks' heads estimate the
shared part: their mean, with the uncertainty that their labels leave. The prior of this task's
deviation is a share of the prior that it would have without them. The intercept is not borrowed:
base rates are a task's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.head import Head
from assay.aggregation.matrix import Floats


@dataclass(frozen=True, slots=True)
class TransferPrior:
    """The shared weights from other tasks, by the head's columns: mean, covariance, known ones."""

    mean: Floats
    covariance: Floats
    informed: npt.NDArray[np.bool_]


def transfer_prior(heads: Sequence[tuple[Head, npt.NDArray[np.bool_]]]) -> TransferPrior | None:
    """Return the prior from labelled heads in this task's order of verifiers; None without any."""
    heads = [(head, shared) for head, shared in heads if head.covariance is not None]
    if not heads:
        return None
    masks = np.array([np.concatenate([[False, True, True], shared, shared]) for _, shared in heads])
    weights = np.array([head.weights for head, _ in heads])
    counts = masks.sum(axis=0)
    shares = np.where(masks, 1 / np.maximum(counts, 1), 0.0)
    covariance = np.zeros((weights.shape[1], weights.shape[1]))
    for (head, _), share in zip(heads, shares, strict=True):
        covariance += head.covariance * np.outer(share, share)
    return TransferPrior((weights * shares).sum(axis=0), covariance, counts > 0)
