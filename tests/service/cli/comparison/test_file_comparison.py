"""Two systems and their labels, read from files and compared."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from assay.service.cli.comparison.candidate_labels import JoinedLabels
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.file_comparison import compared, label_use
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.cli.comparison.systems import ComparedFiles
from tests.service.cli.comparison.test_flat_rows import write


def rows(strength: float, seed: int, queries: int = 300, **fields: Any) -> list[dict[str, Any]]:
    """Return rows of four candidates a query: truth is the same for every strength and seed."""
    truth = np.random.default_rng(0).random((queries, 4)) < 0.4
    noise = np.random.default_rng([1, seed]).normal(size=(queries, 4))
    score = strength * (truth - 0.5) + noise
    return [
        {
            "query_id": f"q{query}",
            "candidate": place,
            "score": float(score[query, place]),
            "probability": float(expit(score[query, place])),
            "label": int(truth[query, place]) if query < 100 else None,
            **fields,
        }
        for query in range(queries)
        for place in range(4)
    ]


def test_the_stronger_system_picks_better(tmp_path: Path) -> None:
    """Labels of the files, and of a file of labels, give the same."""
    weak, strong = rows(0.5, 1), rows(4.0, 2)
    first, second = write(tmp_path / "a.jsonl", *weak), write(tmp_path / "b.jsonl", *strong)
    labels = [
        {"query_id": row["query_id"], "candidate": row["candidate"], "correct": row["label"]}
        for row in weak
        if row["label"] is not None
    ]
    path = write(tmp_path / "labels.jsonl", *labels)

    within = compared(ComparedFiles(first, second))
    beside = compared(ComparedFiles(first, second, path))

    assert within.result.decision == beside.result.decision == "second"
    assert within.result.difference == beside.result.difference
    assert within.labels.random == "assumed"
    assert compared(ComparedFiles(second, first)).result.decision == "first"


def test_a_file_is_no_better_than_itself(tmp_path: Path) -> None:
    """Of its picks and of its candidates: exactly 0."""
    path = write(tmp_path / "a.jsonl", *rows(1.0, 1))

    for by in ComparedChoice:
        result = compared(ComparedFiles(path, path, by=by)).result
        assert result.decision == "same"
        assert result.difference.powered is not None
        assert result.difference.powered.value == 0
        assert result.difference.powered.low == result.difference.powered.high == 0


@pytest.mark.parametrize("baseline", list(SimpleChoice))
def test_a_system_is_better_than_no_choice(tmp_path: Path, baseline: SimpleChoice) -> None:
    """Than the first sample, and than a random one."""
    path = write(tmp_path / "a.jsonl", *rows(3.0, 1))

    result = compared(ComparedFiles(path, baseline=baseline)).result

    assert result.decision == "second"
    powered = result.accuracy[0].powered
    assert powered is not None
    assert powered.value == pytest.approx(0.4, abs=0.1)


def test_generators_are_compared_by_all_their_candidates(tmp_path: Path) -> None:
    """In two files, whose candidates have the same names, or in one."""
    worse = rows(1.0, 1, generator="small")
    better = [
        {**row, "generator": "large", "label": None if row["label"] is None else 1}
        for row in rows(1.0, 2)
    ]
    first, second = write(tmp_path / "a.jsonl", *worse), write(tmp_path / "b.jsonl", *better)
    both = write(tmp_path / "c.jsonl", *worse, *better)

    two = compared(ComparedFiles(first, second, by=ComparedChoice.CANDIDATES))
    one = compared(ComparedFiles(both, between="generator", by=ComparedChoice.CANDIDATES))

    assert two.result.decision == one.result.decision == "second"
    assert two.result.difference == one.result.difference
    assert two.joined.identity == one.joined.identity == "own"


def test_without_labels_nothing_is_better(tmp_path: Path) -> None:
    """The message says how to give some."""
    path = write(tmp_path / "a.jsonl", *({**row, "label": None} for row in rows(1.0, 1, 20)))

    with pytest.raises(ComparisonError, match=r"a.jsonl: has no label.*--labels FILE"):
        compared(ComparedFiles(path, baseline=SimpleChoice.FIRST))


def test_files_of_the_same_names_with_other_candidates_are_noticed(tmp_path: Path) -> None:
    """Where their labels contradict each other."""
    first = write(tmp_path / "a.jsonl", *rows(1.0, 1, 20))
    turned = [{**row, "label": 1 - row["label"]} for row in rows(1.0, 2, 20)]
    second = write(tmp_path / "b.jsonl", *turned)

    with pytest.raises(ComparisonError, match="--own-candidates"):
        compared(ComparedFiles(first, second))
    assert compared(ComparedFiles(first, second, own=True)).result.queries == 20


def test_labels_that_are_not_random_count_only_alone() -> None:
    """The comparison leaves them out beside random labels, and beside labels that state nothing."""
    nan = math.nan

    mixed = label_use(JoinedLabels([1.0, 0.0, nan], [True, False, None], 2))
    unstated = label_use(JoinedLabels([1.0, 0.0, nan], [None, False, True], 0))
    alone = label_use(JoinedLabels([1.0, 0.0, nan], [False, False, True], 0))

    assert (mixed.left_out, mixed.random, mixed.unmatched) == (1, "stated", 2)
    assert math.isnan(mixed.values[1])
    assert (unstated.left_out, unstated.random) == (1, "assumed")
    assert (alone.left_out, alone.random, alone.values[:2]) == (0, "not", [1.0, 0.0])
