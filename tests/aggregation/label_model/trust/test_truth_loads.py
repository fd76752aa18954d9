"""Truth is taken out of a factor that it shares with an error of all verifiers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.aggregation import Floats, LabelModel
from assay.aggregation.label_model.trust import shared_factor
from assay.aggregation.label_model.trust.truth_loads import truth_loads
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.ensembles import BY_NAME, fitted, named, selection
from tests.support.samples.six_verifiers import NAMES, six_verifiers
from tests.support.samples.synthetic import Sample, make

TRUTH = np.array([0.7, 0.6, 0.5, 0.4, 0.3, 0.6, 0.5, 0.4])
ERROR = np.array([0.2, 0.3, 0.5, 0.6, 0.6, 0.1, 0.3, 0.5])
ROWS, SIZE = 12_000, 6


def loads_of(base_rate: float, error: Floats = ERROR, explains: float = 0.5) -> Floats:
    """Return the loads of scores of truth and of a bell-shaped error, from those of both."""
    random = np.random.default_rng(0)
    truth = (random.random(ROWS) < base_rate).astype(float)
    truth = (truth - truth.mean()) / truth.std()
    own = random.standard_normal((ROWS, 8)) * np.sqrt(1 - TRUTH**2 - error**2)
    z = truth[:, None] * TRUTH + random.standard_normal((ROWS, 1)) * error + own
    queries = Queries.of(np.arange(ROWS) // SIZE)
    both = np.sqrt(TRUTH**2 + error**2)
    return truth_loads(z, np.corrcoef(z, rowvar=False), both, np.arange(8), queries, explains)


def unlike(loads: Floats, others: Floats) -> float:
    """Return 1 - the cosine of two vectors."""
    return 1 - float(loads @ others) / float(np.linalg.norm(loads) * np.linalg.norm(others))


@pytest.mark.parametrize("base_rate", [0.5, 0.65, 0.35])
def test_loads_are_those_of_truth_alone(base_rate: float) -> None:
    """Together as large as those of the factor."""
    both = np.sqrt(TRUTH**2 + ERROR**2)

    loads = loads_of(base_rate)

    assert unlike(both, TRUTH) > 0.02
    assert unlike(loads, TRUTH) < 0.005
    assert np.linalg.norm(loads) == pytest.approx(np.linalg.norm(both))


def test_where_one_factor_explains_everything_its_loads_stay() -> None:
    """And in between, a part of the way is gone."""
    both = np.sqrt(TRUTH**2 + ERROR**2)

    assert np.array_equal(loads_of(0.5, explains=0.96), both)
    half, whole = loads_of(0.5, explains=0.85), loads_of(0.5)
    assert half == pytest.approx((both + whole) / 2)


@pytest.mark.parametrize("base_rate", [0.21, 0.1, 0.9])
def test_rare_right_or_wrong_answers_leave_the_loads(base_rate: float) -> None:
    """Their fourth cumulant is 0, or positive as a skewed style's is."""
    assert np.array_equal(loads_of(base_rate), np.sqrt(TRUTH**2 + ERROR**2))


@pytest.mark.parametrize("seed", range(3))
def test_a_skewed_style_beside_truth_is_not_followed(seed: int) -> None:
    """Its cumulants are large and positive."""
    random = np.random.default_rng(seed)
    truth, style = random.choice([-1.0, 1.0], ROWS), np.exp(random.standard_normal(ROWS))
    factors = np.stack([truth, (style - style.mean()) / style.std()], axis=1)
    own = random.standard_normal((ROWS, 8)) * np.sqrt(1 - TRUTH**2 - ERROR**2)
    z = factors @ np.stack([TRUTH, ERROR]) + own
    d, queries = np.sqrt(TRUTH**2 + ERROR**2), Queries.of(np.arange(ROWS) // SIZE)

    assert truth_loads(z, np.corrcoef(z, rowvar=False), d, np.arange(8), queries, 0.5) is d


def test_bells_show_no_truth() -> None:
    """Scores of two normal factors have no joint cumulants: nothing is taken apart."""
    random = np.random.default_rng(0)
    factors = random.standard_normal((ROWS, 2)) @ np.stack([TRUTH, ERROR])
    z = factors + random.standard_normal((ROWS, 8)) * np.sqrt(1 - TRUTH**2 - ERROR**2)
    d, queries = np.sqrt(TRUTH**2 + ERROR**2), Queries.of(np.arange(ROWS) // SIZE)
    correlations = np.corrcoef(z, rowvar=False)

    assert truth_loads(z, correlations, d, np.arange(8), queries, 0.5) is d
    few = d[:4]
    assert truth_loads(z[:, :4], correlations[:4, :4], few, np.arange(4), queries, 0.5) is few


def test_queries_that_differ_much_leave_the_loads() -> None:
    """Their difference is one more factor of all rows."""
    random = np.random.default_rng(0)
    truth = random.choice([-1.0, 1.0], ROWS)[:, None]
    z = truth * TRUTH + random.standard_normal((ROWS, 8)) * np.sqrt(1 - TRUTH**2)
    codes = np.arange(ROWS) // SIZE
    shifted = z + 1.5 * random.standard_normal((codes[-1] + 1, 1))[codes]
    d, families, queries = TRUTH + 0.2, np.arange(8), Queries.of(codes)
    correlations = np.corrcoef(z, rowvar=False)

    assert truth_loads(shifted, correlations, d, families, queries, 0.5) is d
    assert unlike(truth_loads(z, correlations, d, families, queries, 0.5), TRUTH) < 0.005


def test_loads_far_from_those_of_the_factor_are_not_taken() -> None:
    """What verifiers share is then something else than these cumulants show."""
    random = np.random.default_rng(0)
    z = random.choice([-1.0, 1.0], ROWS)[:, None] * TRUTH
    z = z + random.standard_normal((ROWS, 8)) * np.sqrt(1 - TRUTH**2)
    queries = Queries.of(np.arange(ROWS) // SIZE)

    loads = truth_loads(z, np.corrcoef(z, rowvar=False), ERROR, np.arange(8), queries, 0.5)

    assert loads is ERROR


def selections(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """Return selection@1 with the loads of the one factor, and with those of truth."""
    taken_apart = selection(sample, fitted(sample).score_samples(sample.scores, sample.query_id))
    with monkeypatch.context() as patch:
        patch.setattr(shared_factor, "truth_loads", lambda z, r, d, *rest: d)
        mixed = selection(sample, fitted(sample).score_samples(sample.scores, sample.query_id))
    return mixed, taken_apart


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("by_answer", [0.0, 0.5])
def test_an_error_shared_by_all_costs_less(
    seed: int, by_answer: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named scenario, and one in which answers that agree share no more than others."""
    scenario = replace(BY_NAME["11"], by_answer=by_answer)

    mixed, taken_apart = selections(make(scenario, seed), monkeypatch)

    assert taken_apart >= mixed + 0.04


@pytest.mark.parametrize("number", ["01", "07", "10", "18", "20"])
def test_other_scenarios_lose_nothing(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One factor explains them."""
    mixed, taken_apart = selections(named(number, 1), monkeypatch)

    assert taken_apart == mixed


def test_the_six_verifiers_keep_their_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No verifier shares more than truth, but for the copy."""
    data = six_verifiers(0)
    model = LabelModel().fit(data.scores, data.query, verifier_names=NAMES)
    monkeypatch.setattr(shared_factor, "truth_loads", lambda z, r, d, *rest: d)

    one_factor = LabelModel().fit(data.scores, data.query, verifier_names=NAMES)

    assert np.array_equal(model.d_, one_factor.d_)
