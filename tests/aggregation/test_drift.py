"""Drift: the watch sees planted drift within 500 rows, and clean traffic raises no alarm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from assay.aggregation.drift import Drift, agreement, drifts, references
from tests.support.samples.synthetic import Sample, Scenario, kinds, make

MIXED = kinds(binary=2, ordinal=2, cont=6)


def traffic(seed: int, queries: int = 400) -> Sample:
    """Return mixed verifiers with families, query effects and missing scores."""
    return make(
        Scenario(
            "traffic",
            MIXED,
            queries=queries,
            size=8,
            missing=0.05,
            strength_mean=1.0,
            query_shift=0.5,
            rho=0.3,
        ),
        seed,
    )


def watched(sample: Sample, given: npt.ArrayLike) -> list[Drift]:
    """Compare the last 500 rows with all rows before them."""
    scores = np.asarray(given, np.float64)
    before, after = slice(0, len(scores) - 500), slice(len(scores) - 500, None)
    return drifts(
        references(scores[before], sample.query_id[before]), scores[after], sample.query_id[after]
    )


def test_clean_traffic_raises_no_alarm() -> None:
    """In forty runs of ten verifiers each, fewer than one in twenty runs has any."""
    alarms = sum(
        any(drift.alarm for drift in watched(sample, sample.scores))
        for sample in map(traffic, range(40))
    )

    assert alarms < 2


@pytest.mark.parametrize("column", range(4, 10))
def test_scores_that_shift_by_one_standard_deviation_are_seen(column: int) -> None:
    """And only that verifier's."""
    sample = traffic(100 + column)
    scores = np.asarray(sample.scores, np.float64)
    scores[-500:, column] += np.nanstd(scores[:, column])

    found = watched(sample, scores)

    assert [place for place, drift in enumerate(found) if drift.alarm] == [column]
    assert (found[column].psi or 0) > 0.25


@pytest.mark.parametrize("column", range(4, 10))
def test_a_verifier_that_turns_to_noise_is_seen_by_its_agreement(column: int) -> None:
    """Its scores look as before, in another order. Earlier noise hides the change."""
    sample = make(
        Scenario(
            "strong", MIXED, queries=400, size=8, missing=0.05, strength_mean=1.5, strength_sd=0.2
        ),
        200 + column,
    )
    scores = np.asarray(sample.scores, np.float64)
    scores[-500:, column] = np.random.default_rng(column).permutation(scores[-500:, column])

    found = watched(sample, scores)

    assert found[column].alarm
    assert (found[column].psi or 0) < 0.25


def test_too_few_rows_and_constant_scores_say_nothing() -> None:
    """None, not 0."""
    sample = traffic(1, 60)
    scores = np.asarray(sample.scores, np.float64)
    few = drifts(references(scores, sample.query_id), scores[:80], sample.query_id[:80])
    constant = np.ones((400, 2))
    query = np.repeat(np.arange(50), 8)

    assert {(drift.psi, drift.agreement_z) for drift in few} == {(None, None)}
    assert np.isnan(agreement(constant, query, np.ones(2))[0]).all()
    assert not any(drift.alarm for drift in drifts(references(constant, query), constant, query))


def test_a_verifier_that_never_scored_agrees_with_nobody_and_is_no_warning() -> None:
    """In a whole window, and in one of a single row."""
    scores, query = (
        np.array([[0.1, np.nan], [0.7, np.nan], [0.4, np.nan], [0.2, np.nan]]),
        np.array([0, 0, 1, 1]),
    )

    found, free = agreement(scores, query, np.ones(2))

    assert np.isnan(found).all()
    assert free.tolist() == [2, 0]
    assert agreement(np.full((1, 2), np.nan), np.zeros(1, np.int64), np.ones(2))[1].tolist() == [
        0,
        0,
    ]
