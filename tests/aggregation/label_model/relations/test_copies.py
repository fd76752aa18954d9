"""Copies are joined to families; good judges that agree because both are right are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.relations.copies import Copy, with_copies
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints
from tests.support.samples.six_verifiers import noisy_copy, separation, truth_of

OTHERS = (0.92, 0.70, 0.60)


def fitted(columns: list[Floats], query: Ints, **options: Any) -> LabelModel:
    """Return a model of columns named a, b, c, ..."""
    names = list("abcdefghijklmnop")[: len(columns)]
    return LabelModel(**options).fit(np.column_stack(columns), query, verifier_names=names)


def judges(random: np.random.Generator, truth: Ints, aucs: tuple[float, ...]) -> list[Floats]:
    """Return independent judges with normal scores."""
    return [separation(auc) * truth + random.standard_normal(len(truth)) for auc in aucs]


def rounded(scores: Floats, levels: int) -> Floats:
    """Return scores on so many levels."""
    low, high = np.nanquantile(scores, [0.02, 0.98])
    return np.asarray(np.round((np.clip(scores, low, high) - low) / (high - low) * (levels - 1)))


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("auc", [0.6, 0.75, 0.9])
@pytest.mark.parametrize("queries", [100, 1000])
def test_a_copy_is_found_also_with_missing_scores(queries: int, auc: float, missing: float) -> None:
    """A copy with a correlation of 0.98 joins the family of its original, and nobody else does."""
    random = np.random.default_rng(1)
    truth, query = truth_of(random, queries, 5)
    columns = judges(random, truth, (auc, *OTHERS))
    columns.append(noisy_copy(random, columns[0]))
    for column in columns:
        column[random.random(len(truth)) < missing] = np.nan

    model = fitted(columns, query)

    assert [(copy.first, copy.second) for copy in model.copies_] == [("a", "e")]
    assert model.families_ == ("a", "b", "c", "d", "a")
    assert model.copies_[0].given_rest > 0.95


@pytest.mark.parametrize(("levels", "auc"), [(10, 0.75), (10, 0.6), (20, 0.8)])
def test_a_copy_with_tied_scores_is_found(levels: int, auc: float) -> None:
    """Ratings on a few levels repeat each other as well."""
    random = np.random.default_rng(2)
    truth, query = truth_of(random, 2000, 5)
    columns = judges(random, truth, (auc, *OTHERS))
    copy = noisy_copy(random, columns[0])

    model = fitted([rounded(columns[0], levels), *columns[1:], rounded(copy, levels)], query)

    assert model.families_ == ("a", "b", "c", "d", "a")


def test_three_copies_are_one_family() -> None:
    """The third copy does not explain away that the first two repeat each other."""
    random = np.random.default_rng(3)
    truth, query = truth_of(random, 500, 5)
    columns = judges(random, truth, (0.75, *OTHERS))
    columns += [noisy_copy(random, columns[0]), noisy_copy(random, columns[0])]

    assert fitted(columns, query).families_ == ("a", "b", "c", "d", "a", "a")


def test_an_inverted_copy_joins_the_family_and_counts_nothing() -> None:
    """A verifier that says the opposite of another is its copy, and the others show its sign."""
    random = np.random.default_rng(4)
    truth, query = truth_of(random, 500, 5)
    columns = judges(random, truth, (0.75, *OTHERS))
    columns.append(-noisy_copy(random, columns[0]))

    model = fitted(columns, query)

    assert model.families_ == ("a", "b", "c", "d", "a")
    assert model.copies_[0].given_rest < -0.95
    assert [inversion.name for inversion in model.inverted_] == ["e"]
    assert model.weights_[4] == 0


@pytest.mark.parametrize("others", [(), (0.6,), (0.65, 0.6), (0.75, 0.7, 0.6), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize("good", [2, 3, 6])
@pytest.mark.parametrize("auc", [0.95, 0.98, 0.99])
def test_independent_binary_judges_that_are_nearly_always_right_are_no_copies(
    auc: float, good: int, others: tuple[float, ...]
) -> None:
    """Binary judges of an AUC of 0.99 correlate by 0.96, by the truth alone."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        truth, query = truth_of(random, 300, 5)
        columns = [
            np.where(random.random(len(truth)) < auc, truth, 1 - truth).astype(float)
            for _ in range(good)
        ]

        model = fitted([*columns, *judges(random, truth, others)], query)

        assert model.copies_ == []


@pytest.mark.parametrize("levels", [None, 5, 10])
@pytest.mark.parametrize("auc", [0.9, 0.99])
def test_independent_judges_with_graded_scores_are_no_copies(
    auc: float, levels: int | None
) -> None:
    """However right they are, their errors differ."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        truth, query = truth_of(random, 300, 5)
        columns = judges(random, truth, (auc,) * 4)
        if levels is not None:
            columns = [rounded(column, levels) for column in columns]

        assert fitted(columns, query).copies_ == []


def test_stated_families_win() -> None:
    """`given` joins nothing; of two stated families neither is joined; a copy joins a stated one."""
    random = np.random.default_rng(5)
    truth, query = truth_of(random, 300, 5)
    columns = judges(random, truth, (0.75, *OTHERS))
    columns.append(noisy_copy(random, columns[0]))

    def families(stated: Any) -> tuple[str, ...]:
        return fitted(columns, query, families=stated).families_

    assert families("given") == ("a", "b", "c", "d", "e")
    assert families({"a": "x", "e": "y"}) == ("x", "b", "c", "d", "y")
    assert families({"e": "x"}) == ("x", "b", "c", "d", "x")
    assert families(None) == families("auto") == families({}) == ("a", "b", "c", "d", "a")


def test_members_of_a_joined_family_move_together() -> None:
    """Families by name are joined whole; two stated families stay two."""
    copies = [Copy("g:a", "c:a", 0.97, 0.98), Copy("c:a", "z", 0.96, 0.97)]
    names, families = ("g:a", "g:b", "c:a", "c:b", "z"), ("g", "g", "c", "c", "z")

    assert with_copies(names, families, copies, ()) == ("g",) * 5
    assert with_copies(names, families, copies, {"z"}) == ("z",) * 5
    assert with_copies(names, families, copies, {"z", "g:a"}) == ("g", "g", "g", "g", "z")


def test_few_pairs_of_scores_show_no_copy() -> None:
    """Seven queries of five are too few."""
    random = np.random.default_rng(6)
    truth, query = truth_of(random, 7, 5)
    columns = judges(random, truth, (0.75, *OTHERS))

    assert fitted([*columns, columns[0]], query).copies_ == []


def test_a_copy_is_found_with_one_candidate_a_query() -> None:
    """Correlations over all rows serve where queries have one candidate."""
    random = np.random.default_rng(7)
    truth, _ = truth_of(random, 2000, 1)
    columns = judges(random, truth, (0.75, *OTHERS))
    columns.append(noisy_copy(random, columns[0]))

    assert fitted(columns, np.arange(len(truth))).families_ == ("a", "b", "c", "d", "a")


def test_unknown_modes_are_refused() -> None:
    """The message names the value and what it takes."""
    with pytest.raises(ValueError, match=r"families: must be 'auto', 'given' or a dict .*'found'"):
        LabelModel(families="found")  # type: ignore[arg-type]
