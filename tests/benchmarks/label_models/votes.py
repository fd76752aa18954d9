"""Label models of the literature that work on votes, written short from their papers, and how
scores become votes.

Snorkel, Dawid–Skene, GLAD and MACE come from their own packages (`peers.py`); these two have none
that installs today.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from assay.aggregation.averages.baselines import vote_thresholds
from assay.aggregation.matrix import Floats

Votes = npt.NDArray[np.int8]

MOST_TRIPLETS = 2000


def votes_of(scores: Floats) -> Votes:
    """Return 1 / 0 votes, -1 where missing: binary scores as they are, shares at 1/2, all others
    at their median.
    """
    return np.where(np.isnan(scores), -1, scores > vote_thresholds(scores)).astype(np.int8)


def flying_squid(scores: Floats) -> Floats:
    """Return P(correct) by method-of-moments triplets, class balance 1/2 (Fu et al. 2020, arXiv
    2002.11955).

    For conditionally independent votes in {-1, 1}: E[l_i l_j] = a_i a_j, so |a_i| = sqrt |E_ij E_ik
    / E_jk|.
    """
    votes = votes_of(scores)
    signed = np.where(votes < 0, 0.0, 2.0 * votes - 1)
    together = (votes >= 0).astype(float)
    moments = (signed.T @ signed) / np.maximum(together.T @ together, 1)
    count = scores.shape[1]
    estimates: list[list[float]] = [[] for _ in range(count)]
    triplets = list(combinations(range(count), 3))
    random = np.random.default_rng(0)
    if len(triplets) > MOST_TRIPLETS:
        triplets = [
            triplets[place] for place in random.choice(len(triplets), MOST_TRIPLETS, replace=False)
        ]
    for i, j, k in triplets:
        for one, two, three in ((i, j, k), (j, i, k), (k, i, j)):
            estimates[one].append(
                np.sqrt(
                    abs(moments[one, two] * moments[one, three] / (moments[two, three] or 1e-6))
                )
            )
    accuracy = np.array(
        [np.clip(np.median(each), 0.01, 0.98) if each else 0.5 for each in estimates]
    )
    return np.asarray(1 / (1 + np.exp(-signed @ np.log((1 + accuracy) / (1 - accuracy)))))


def weaver_without_labels(scores: Floats) -> Floats:
    """Return P(correct) as Weaver's binary mode without access to labels (arXiv 2506.18203, section
    4).

    Min–max, missing as 0, threshold 1/2, class balance 1/2, verifiers that say nearly always the
    same dropped; accuracies given the truth from the votes' second moments.
    """
    low, high = np.nanmin(scores, axis=0), np.nanmax(scores, axis=0)
    votes = np.nan_to_num((scores - low) / np.where(high > low, high - low, 1)) > 0.5
    share = votes.mean(axis=0)
    votes = (
        votes[:, (share > 0.1) & (share < 0.9)]
        if ((share > 0.1) & (share < 0.9)).sum() >= 3
        else votes
    )
    share = votes.mean(axis=0)
    covariance = np.cov(votes.T.astype(float))
    np.fill_diagonal(covariance, 0.0)
    strength = np.full(len(share), np.sqrt(max(np.abs(covariance).mean(), 1e-4)))
    for _ in range(500):  # covariance_ij = s_i s_j, fitted off the diagonal
        others = (strength**2).sum() - strength**2
        strength = 0.5 * strength + 0.5 * covariance @ strength / np.maximum(others, 1e-9)
    strength *= 1.0 if strength.sum() >= 0 else -1.0
    # With a class balance of 1/2: P(vote | correct) - P(vote | wrong) = 2 s.
    true_positive, false_positive = (
        np.clip(share + sign * strength, 0.01, 0.99) for sign in (1, -1)
    )
    yes, no = (
        np.log(true_positive / false_positive),
        np.log((1 - true_positive) / (1 - false_positive)),
    )
    return np.asarray(1 / (1 + np.exp(-(votes @ yes + (~votes) @ no))))
