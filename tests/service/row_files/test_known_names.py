"""The names that people give fields."""

from __future__ import annotations

import pytest

from assay.service.row_files.known_names import (
    LABEL_NAMES_BY_FIELD,
    RANKING_NAMES,
    NameGroups,
    candidates_for,
)


@pytest.mark.parametrize("names", [RANKING_NAMES, LABEL_NAMES_BY_FIELD])
def test_a_name_stands_for_one_field(names: NameGroups) -> None:
    """And no field's own name for another field."""
    every = [name for groups in names.values() for group in groups for name in group]

    assert len(set(every)) == len(every)
    assert not set(every) & set(names)


def test_the_own_name_comes_first_then_the_first_group_that_has_one() -> None:
    """Columns without a value hold nothing."""
    row = {"question_id": 1, "prompt_id": 2, "idx": 3}

    assert candidates_for("id", RANKING_NAMES, {**row, "id": 4}) == (["id"], True)
    assert candidates_for("id", RANKING_NAMES, row) == (["prompt_id", "question_id"], False)
    assert candidates_for("id", RANKING_NAMES, {"question_id": None, "idx": 3}) == (["idx"], False)
    assert candidates_for("id", RANKING_NAMES, {"other": 1}) == ([], False)
