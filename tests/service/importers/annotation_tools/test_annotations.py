"""What annotators chose, as labels."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.annotation_tools.annotations import (
    AnnotatedTask,
    label_of_choice,
    label_of_rating,
    wins_of_choice,
)
from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.column_map import ColumnMap

ROW = ToolRow({"question": "2+2?", "answer": "4", "note": "x"}, 3, "f.json")


@pytest.mark.parametrize(
    ("word", "label"),
    [("Correct", 1.0), (" yes ", 1.0), ("INCORRECT", 0.0), (True, 1.0), (0, 0.0), ("partial", 0.5)],
)
def test_words_for_right_and_wrong(word: object, label: float) -> None:
    """In any case."""
    assert label_of_choice(ROW, "verdict", word) == label


@pytest.mark.parametrize("word", ["maybe", "", None, ["yes", "no"]])
def test_another_word_is_refused(word: object) -> None:
    """It is not guessed."""
    with pytest.raises(StartupError, match=r"f\.json:3: verdict: is no word for right or wrong"):
        label_of_choice(ROW, "verdict", word)


def test_a_rating_is_a_share_of_its_scale() -> None:
    """1 to 5 unless stated; beyond it is refused; a scale may run down."""
    wish = Wish("labels")

    assert [label_of_rating(ROW, "r", rating, wish) for rating in (1, 3, 5)] == [0.0, 0.5, 1.0]
    assert wish.understood == {"correct": "r, 1 as 0 and 5 as 1"}
    assert label_of_rating(ROW, "r", 0, Wish("labels", scale=(0, 10))) == 0.0
    assert label_of_rating(ROW, "r", 2, Wish("labels", scale=(6, 1))) == 0.8
    with pytest.raises(StartupError, match=r"must be from 1 to 5: state the scale.*\(got '7'\)"):
        label_of_rating(ROW, "r", 7, wish)


def test_fields_by_their_known_names_or_by_map() -> None:
    """What was understood is kept; several that could be are not guessed."""
    wish = Wish("labels", ColumnMap({"candidate": "note"}))
    task = AnnotatedTask(ROW, wish)

    assert (task.asked(), task.answer()) == ({"query": "2+2?"}, "x")
    assert wish.understood == {"query": "question", "candidate": "note"}
    several = ToolRow({"question": "a", "prompt": "b"}, 3, "f.json")
    with pytest.raises(StartupError, match="query: could be prompt, question: name it with --map"):
        AnnotatedTask(several, Wish("labels")).asked()
    with pytest.raises(StartupError, match="candidate: is missing: name it with --map candidate="):
        AnnotatedTask(several, Wish("labels")).answer()


def test_the_better_of_two() -> None:
    """By side or by name."""
    columns = ("answer1", "answer2")

    words = ("left", "answer2", "Tie")
    assert [wins_of_choice(ROW, "better", word, columns) for word in words] == [1.0, 0.0, 0.5]
    with pytest.raises(StartupError, match="better: must be left, right, tie, answer1 or answer2"):
        wins_of_choice(ROW, "better", "third", columns)
