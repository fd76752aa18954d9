"""Learns the head from labels: logistic regression around the label-free score (step 8).

The columns are 1, b, its query mean, every verifier's z, and z's query mean. The prior says that
the label-free score is right (slope 1) and that verifiers differ from it a little, those of a
family alike. Where the published step takes one scale of "a little" by its evidence, this averages
over scales and family couplings with their evidence as weight: steadier with 25 labels, and never a
choice that the next label overturns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from assay.aggregation.label_model.head import Head, HeadRows
from assay.aggregation.label_model.hyperparameters import Hyperparameters
from assay.aggregation.label_model.transfer import TransferPrior
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.logistic import fit_map
from assay.aggregation.statistics.queries import Ints

INTERCEPT_SD, BASE_SD, QUERY_SD = 3.0, 0.5, 0.5


class OneClassError(ValueError):
    """The labels are all of one class: nothing tells correct from wrong."""


@dataclass(frozen=True, slots=True)
class PriorWeight:
    """One prior that was tried and its share of the average.

    `scale` of the weights, `coupling` within families, and `loan`: the share of that scale that is
    left for this task's own deviation where other tasks' weights are borrowed, 0 where they are
    not.
    """

    scale: float
    coupling: float
    loan: float
    share: float


def fit_head(
    rows: HeadRows,
    labels: Floats,
    families: Ints,
    used: Floats,
    with_query: bool,
    hyperparameters: Hyperparameters,
    transfer: TransferPrior | None = None,
) -> tuple[Head, list[PriorWeight]]:
    """Return the head learned from labelled rows, and the weights of the priors.

    `labels`: shape (n,), 0 to 1; `families`: codes, shape (m,); `used`: 1 for verifiers that
    have maps, else 0; `transfer`: the weights according to other tasks' heads. Raises
    `OneClassError`.
    """
    if not (labels > 0).any() or not (labels < 1).any():
        raise OneClassError(
            f"all {len(labels)} labels are {'correct' if labels.all() else 'wrong'}: label some of"
            " the other class"
        )
    features = rows.features
    scored = ~np.isnan(rows.base)
    features, labels = features[scored], labels[scored]
    wide = len(np.unique(families)) < len(families)
    tried = [
        (*prior, share)
        for prior in hyperparameters.priors(len(labels), wide)
        for share in (0.0, *(hyperparameters.transfer_shares if transfer else ()))
    ]
    fits = []
    for scale, coupling, share in tried:
        mean, root = _prior(
            families, used, with_query, hyperparameters.query_scale, scale, coupling
        )
        if transfer is not None and share > 0:
            mean, root = _borrowed(mean, root, transfer, share)
        unit = np.ones(root.shape[1])
        posterior = fit_map(features @ root, labels, 0 * unit, unit, features @ mean)
        fits.append(
            (
                mean + root @ posterior.mode,
                root @ posterior.covariance() @ root.T,
                posterior.evidence,
            )
        )
    evidence = np.array([fit[2] for fit in fits])
    shares = (
        np.exp(evidence - evidence.max())
        if hyperparameters.average
        else (np.arange(len(fits)) == evidence.argmax()).astype(float)
    )
    shares /= shares.sum()
    weighed = [
        PriorWeight(*prior, float(share)) for prior, share in zip(tried, shares, strict=True)
    ]
    return Head(*_mixture(shares, [fit[:2] for fit in fits])), weighed


def base_only_head(rows: HeadRows, labels: Floats) -> Head:
    """Return a head that only scales the label-free score, for labels that support no more."""
    scored = ~np.isnan(rows.base)
    features = rows.features[scored]
    posterior = fit_map(
        features[:, :2],
        labels[scored],
        np.array([0.0, 1.0]),
        np.array([INTERCEPT_SD, BASE_SD]) ** -2.0,
    )
    weights, covariance = (
        np.zeros(features.shape[1]),
        np.zeros((features.shape[1], features.shape[1])),
    )
    weights[:2], covariance[:2, :2] = posterior.mode, posterior.covariance()
    return Head(weights, covariance)


def _prior(
    families: Ints,
    used: Floats,
    with_query: bool,
    query_scale: float,
    scale: float,
    coupling: float,
) -> tuple[Floats, Floats]:
    """Return the prior mean of the features' weights, and a square root of their prior covariance.

    z's query mean has its verifier's weight through z itself; its own weight counts beyond
    that.
    """
    root = _root(families, used, coupling) * scale
    blocks = [
        np.diag([INTERCEPT_SD, BASE_SD, QUERY_SD * with_query]),
        root,
        root * query_scale * with_query,
    ]
    whole = block_diag(*blocks)
    mean = np.zeros(len(whole))
    mean[1] = 1.0
    return mean, whole[:, whole.any(axis=0)]


def _borrowed(
    mean: Floats, root: Floats, transfer: TransferPrior, share: float
) -> tuple[Floats, Floats]:
    """Return the prior around other tasks' weights, with the task's own deviation."""
    scale = np.where(transfer.informed, np.sqrt(share), 1.0)
    covariance = (root @ root.T) * np.outer(scale, scale) + transfer.covariance
    values, vectors = np.linalg.eigh(covariance)
    return np.where(transfer.informed, transfer.mean, mean), vectors * np.sqrt(
        np.maximum(values, 0.0)
    )


def _root(families: Ints, used: Floats, coupling: float) -> Floats:
    """Return a square root of the weights' prior covariance at scale 1.

    0 for a verifier that is not used.
    """
    alike = families[:, None] == families[None, :]
    covariance = np.where(alike, coupling, 0.0) + (1 - coupling) * np.eye(len(families))
    return np.asarray(np.linalg.cholesky(covariance) * used[:, None])


def _mixture(shares: Floats, parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return the mean and covariance of a mixture of normals."""
    mean = sum(
        (share * part for share, (part, _) in zip(shares, parts, strict=True)),
        np.zeros_like(parts[0][0]),
    )
    covariance = np.zeros_like(parts[0][1])
    for share, (part, spread) in zip(shares, parts, strict=True):
        covariance += share * (spread + np.outer(part - mean, part - mean))
    return mean, covariance
