"""Arrays of what is compared."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.service.cli.comparison.candidate_arrays import candidate_arrays, system_numbers
from assay.service.cli.comparison.candidate_rows import CandidateRow, SystemFile
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.joining import joined
from assay.service.cli.comparison.row_values import ComparisonError
from tests.service.cli.comparison.test_joining import system

NAN = math.nan
PATHS = (Path("a"), Path("b"))


def row(probability: float, score: float) -> CandidateRow:
    """Return a row with these numbers."""
    first = system("a", ("q", "0", None)).rows[0]
    return replace(first, probability=probability, score=score)


def test_scores_pick_and_probabilities_predict() -> None:
    """A system without one of the two has the other for both."""
    both = system_numbers([row(0.2, 5), None, row(0.9, NAN)])
    rated = system_numbers([row(0.2, NAN), row(0.9, NAN)])
    scored = system_numbers([row(NAN, 1000), row(NAN, -3), None])
    neither = system_numbers([row(NAN, NAN)])

    assert (both.picked_by, both.predicted_by) == ("score", "probability")
    assert both.choosing.tolist()[0] == 5
    assert both.members.tolist() == [True, False, True]
    assert (rated.picked_by, rated.predicted_by) == ("probability", "probability")
    assert (scored.picked_by, scored.predicted_by) == ("score", "rank of score")
    assert scored.predictions.tolist()[:2] == pytest.approx([2 / 3, 1 / 3])
    assert math.isnan(scored.predictions[2])
    assert (neither.picked_by, neither.predicted_by) == (None, "nothing")


def systems() -> tuple[SystemFile, SystemFile]:
    """Return two systems that share candidate x, and each have another one."""
    first = system("a", ("q", "x", None), ("q", "y", None))
    second = system("b", ("q", "x", None), ("q", "z", None))
    numbered = [
        replace(of, rows=[replace(r, probability=p) for r, p in zip(of.rows, ps, strict=True)])
        for of, ps in ((first, (0.8, 0.3)), (second, (0.4, 0.4)))
    ]
    return numbered[0], numbered[1]


@pytest.mark.parametrize(
    ("by", "baseline", "first", "second"),
    [
        (ComparedChoice.PICK, None, [1, 0, 0], [0.5, 0, 0.5]),
        (ComparedChoice.CANDIDATES, None, [0.5, 0.5, 0], [0.5, 0, 0.5]),
        (ComparedChoice.PICK, SimpleChoice.FIRST, [1, 0, 0], [0.5, 0, 0.5]),
        (ComparedChoice.PICK, SimpleChoice.RANDOM, [0.5, 0.5, 0], [0.5, 0, 0.5]),
    ],
)
def test_weights_are_those_of_the_choice(
    by: ComparedChoice, baseline: SimpleChoice | None, first: list[float], second: list[float]
) -> None:
    """A baseline is the first system's; a shared candidate has the mean of both predictions."""
    pair = joined(*systems(), own=False)
    numbers = (
        system_numbers([candidate.first for candidate in pair.candidates]),
        system_numbers([candidate.second for candidate in pair.candidates]),
    )

    arrays = candidate_arrays(pair, numbers, [1.0, NAN, 0.0], by, baseline, PATHS)

    assert arrays.weights[0].tolist() == first
    assert arrays.weights[1].tolist() == second
    assert arrays.predictions.tolist() == pytest.approx([0.6, 0.3, 0.4])
    assert arrays.members[0].tolist() == [True, True, False]
    assert np.isnan(arrays.labels).tolist() == [False, True, False]


def test_a_system_without_numbers_picks_nothing() -> None:
    """Means of its candidates need none."""
    bare = system("a", ("q", "x", None))
    bare = replace(bare, rows=[replace(bare.rows[0], probability=NAN)])
    pair = joined(bare, bare, own=False)
    numbers = system_numbers([candidate.first for candidate in pair.candidates])

    with pytest.raises(ComparisonError, match="a: has no `score` and no `probability`"):
        candidate_arrays(pair, (numbers, numbers), [1.0], ComparedChoice.PICK, None, PATHS)
    arrays = candidate_arrays(
        pair, (numbers, numbers), [1.0], ComparedChoice.CANDIDATES, None, PATHS
    )
    assert np.isnan(arrays.predictions).all()


def test_candidates_of_one_text_are_known_as_repeated() -> None:
    """Within a query, by text or by key; another query's text is another candidate's."""
    first = system(
        "a", ("q", "x", "4"), ("q", "y", "4"), ("q", "z", "5"), ("r", "x", "5"), ("r", "y", None)
    )
    pair = joined(first, first, own=False)
    numbers = system_numbers([replace(row, score=1.0) for row in first.rows])

    compared = candidate_arrays(
        pair, (numbers, numbers), [NAN] * 5, ComparedChoice.PICK, None, PATHS
    )

    assert compared.repeated is not None
    assert compared.repeated.tolist() == [True, True, False, False, False]
