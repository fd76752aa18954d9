"""Columns that repeat the labels, or look like labels under another name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.label_copies import (
    check_copies,
    copies_in,
    copy_warnings,
    labels_beside,
    say_which,
    shown_names,
)
from assay.service.score_files.columns.wide_table import sorted_columns, stated_columns
from assay.service.score_files.score_table import TableError

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(size=(2, 40)).round(3).tolist()
LABELS = [1, 0, 0, 1] * 10
QUERIES = np.repeat(np.arange(10), 4)


def warnings(**values: Any) -> list[str]:
    """Return the warnings of columns whose labels are not read."""
    columns = FileColumns(Path("t.jsonl"), {"a": A, "b": B, **values}, 40)
    table = sorted_columns(columns, TableReading(), QUERIES)
    return copy_warnings(columns, table.verifiers, table.guessed)


@pytest.mark.parametrize(
    "scale", [lambda x: x, lambda x: 5 * x, lambda x: 1 - x], ids=["copy", "grade", "turned"]
)
def test_a_copy_of_labels_that_are_not_read_is_warned_of(scale: Any) -> None:
    """Whatever its name and scale; the labels are looked at for nothing else."""
    (warning,) = warnings(label=LABELS, mine=[scale(label) for label in LABELS])

    assert "'mine' says the same as at least 100% of the labels in 'label'" in warning
    assert "--map 'verifiers=a+b'" in warning


def test_a_copy_of_soft_labels_is_warned_of() -> None:
    """In another scale."""
    soft = RANDOM.random(40).round(2).tolist()

    (warning,) = warnings(label=soft, grade=[10 * label - 3 for label in soft])

    assert "'grade' says the same" in warning


def test_two_values_alone_are_warned_of_and_a_constant_is_never_proposed() -> None:
    """As labels under another name; the constant is named nowhere."""
    (warning,) = warnings(const=[1] * 40, hit=LABELS)

    assert "'hit' holds two values alone" in warning
    assert "--map label=hit" in warning
    assert "const" not in warning
    assert warnings(const=[1] * 40) == []


@pytest.mark.parametrize("name", ["human", "verdict_human", "annotator_1"])
def test_what_people_say_in_two_values_is_a_label(name: str) -> None:
    """It is left out by its name."""
    columns = FileColumns(Path("t.jsonl"), {"a": A, name: LABELS}, 40)
    table = sorted_columns(columns, TableReading(), QUERIES)

    assert table.left_out == {name: "labels are read only with --labels"}
    assert list(labels_beside(columns)) == [name]


def test_f05_a_copy_of_the_labels_stops() -> None:
    """All copies are named, and none is proposed; unless `--map` names it."""
    labels = np.array(LABELS, float)
    near = [*LABELS[:39], 0]
    columns = FileColumns(Path("t.jsonl"), {"a": A, "hit": near, "z": LABELS, "c": [1] * 40}, 40)
    table = sorted_columns(columns, TableReading(labels=True), QUERIES)

    with pytest.raises(TableError, match=r"column 'hit' .* 98% of the labels.*so does 'z'.*=a'"):
        check_copies(columns, table.verifiers, labels, table.guessed)
    stated = stated_columns(columns, {"hit": "hit"})
    check_copies(columns, stated.verifiers, labels, stated.guessed)
    check_copies(columns, table.verifiers, None, table.guessed)


def test_names_for_messages() -> None:
    """Copies with their share; names with a plus; a long list."""
    values = {"a+b": np.array(A), "c": np.array(B), "y": np.array(LABELS, float)}

    assert copies_in(values, {"label": np.array(LABELS, float)}) == {"y": 1.0}
    assert "--map 'verifiers=a+b|c', with 'y' among them" in say_which(values, ["y"])
    assert shown_names([str(n) for n in range(10)]).endswith("'7' and 2 more")
