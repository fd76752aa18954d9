"""The evidence that a shared factor has two values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from assay.aggregation.label_model.trust.two_classes import class_evidence
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

LOADS = np.array([0.6, 0.5, 0.4, 0.5, 0.3, 0.4])


def evidence_of(factor: Floats, per_query: int = 8, cut: bool = False) -> float:
    """Return the evidence of six verifiers that follow a factor of variance 1."""
    random = np.random.default_rng(1)
    own = random.standard_normal((len(factor), len(LOADS)))
    z = LOADS * factor[:, None] + np.sqrt(1 - LOADS**2) * own
    z = ndtri((z.argsort(axis=0).argsort(axis=0) + 0.5) / len(z))
    if cut:
        z = (z > random.uniform(-0.5, 0.5, len(LOADS))).astype(float)
    queries = Queries.of(np.arange(len(z)) // per_query)
    return class_evidence(z, LOADS, np.arange(len(LOADS)), queries, np.full(len(LOADS), cut))


def two_classes(share: float, rows: int = 8000) -> Floats:
    """Return a factor of two values, the upper one that often."""
    truth = (np.random.default_rng(2).random(rows) < share).astype(float)
    return np.asarray((truth - truth.mean()) / truth.std())


@pytest.mark.parametrize(("share", "least"), [(0.02, 3), (0.1, 6), (0.5, 6), (0.9, 6), (0.98, 3)])
def test_right_and_wrong_are_two_classes(share: float, least: float) -> None:
    """At any base rate; the rarer one class, the more it looks like a skewed style."""
    assert evidence_of(two_classes(share)) > least


@pytest.mark.parametrize("cut", [False, True])
def test_a_style_is_no_class(cut: bool) -> None:
    """A bell-shaped factor with the same correlations, also where it is shown as verdicts."""
    assert evidence_of(np.random.default_rng(3).standard_normal(8000), cut=cut) < 3


@pytest.mark.parametrize("freedom", [2.5, 4.0])
def test_a_style_with_heavy_tails_is_no_class(freedom: float) -> None:
    """Its kurtosis is larger than that of a bell, where two classes have less."""
    style = np.random.default_rng(4).standard_t(freedom, 8000)
    assert evidence_of(style / style.std()) < 3


def test_a_style_whose_strength_differs_by_query_is_no_class() -> None:
    """Queries of large and of small differences are no classes of candidates."""
    random = np.random.default_rng(5)
    style = np.repeat(random.exponential(size=1000), 8) * random.standard_normal(8000)
    assert evidence_of(style / style.std()) < 3


def test_queries_of_one_candidate_show_classes_too() -> None:
    """Then over all rows only."""
    assert evidence_of(two_classes(0.5), per_query=1) > 6


def test_scores_missing_by_turns_are_no_class() -> None:
    """Half of the rows have scores of some verifiers, the others of the rest."""
    random = np.random.default_rng(6)
    z = LOADS * random.standard_normal((8000, 1)) + random.standard_normal((8000, 6))
    z[:4000, :3], z[4000:, 3:] = np.nan, np.nan
    queries = Queries.of(np.arange(8000) // 8)
    assert class_evidence(z, LOADS, np.arange(6), queries, np.zeros(6, bool)) < 3


def test_a_factor_that_only_queries_show_is_compared_with_nothing() -> None:
    """Over all rows verifiers share nothing then, and no smooth factor's shape is to be had."""
    random = np.random.default_rng(7)
    within = np.tile([1.0, -1.0], 4000) * random.choice([1.0, -1.0], 8000)
    z = LOADS * within[:, None] + random.standard_normal((8000, 6))
    z -= 0.999 * LOADS * within[:, None]
    queries = Queries.of(np.arange(8000) // 8)
    evidence = class_evidence(z, LOADS, np.arange(6), queries, np.zeros(6, bool))
    assert 0 <= evidence < 3
