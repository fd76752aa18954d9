"""Rows of labels under the names that people have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.labels.label_columns import (
    check_label_map,
    labelled_rows,
    named_label,
    rows_of_labels,
)
from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.reading import opened_rows
from assay.service.row_files.understood import Understood
from tests.support.tool_files.annotation_tools import (
    QA,
    studio_annotation,
    studio_flat,
    studio_result,
    studio_task,
)

KEY = f"{'1' * 32}:{'2' * 32}"
PLAIN = {"query": "2+2?", "candidate": "4", "correct": 1}


def labels(
    folder: Path, *rows: dict[str, Any], columns: str | None = None
) -> tuple[list[tuple[int, dict[str, Any]]], Understood]:
    """Return the labels of a file of these rows, and what was understood."""
    file = folder / "l.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    understood = Understood()
    with opened_rows(file) as opened:
        read = list(rows_of_labels(file, opened, ColumnMap.parse(columns), understood))
    return read, understood


@pytest.mark.parametrize(
    "row",
    [
        PLAIN,
        {"prompt": "2+2?", "response": "4", "label": True},
        {"question": "2+2?", "answer": "4", "is_correct": "true"},
        {"instruction": "2+2?", "completion": [{"role": "assistant", "content": "4"}], "label": 1.0},
        {"problem": "2+2?", "output": {"text": "4"}, "passed": True},
    ],
)  # fmt: skip
def test_known_names_are_understood(tmp_path: Path, row: dict[str, Any]) -> None:
    """And printed with the field that they hold."""
    read, understood = labels(tmp_path, {**row, "annotator": 7, "model": "m"})

    assert read == [(1, {**PLAIN, "who": "7"})]
    assert understood.left_out == {"model": "no field of a label"}
    assert "who: annotator" in " ".join(understood.lines())


def test_labels_of_a_ranked_row_are_of_its_candidates(tmp_path: Path) -> None:
    """Its key is the query's; null and -1 are no labels."""
    row = {"query": "2+2?", "candidates": ["4", "5", "6"], "labels": [1, None, -1], "key": "1" * 32}

    assert labels(tmp_path, row)[0] == [(1, PLAIN)]


@pytest.mark.parametrize("name", ["responses", "completions", "samples"])
def test_labels_of_rankings_under_other_names(tmp_path: Path, name: str) -> None:
    """A list of labels is of several candidates."""
    row = {"prompt": "2+2?", name: ["4", "5"], "labels": [1, None]}

    assert labels(tmp_path, row)[0] == [(1, PLAIN)]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "completion": "a", "label": True, "model_version": "math@3"},
        {"prompt": "q", "completion": "a", "target": 0.9, "label": None, "model_version": "math@3"},
        {"prompt": "q", "chosen": "a", "rejected": "b", "model_version": "math@3"},
    ],
)
def test_training_data_that_a_model_chose_are_no_labels(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    """A task would learn its own mistakes from them."""
    with pytest.raises(StartupError, match=r"l\.jsonl:1: is training data that a model chose"):
        labels(tmp_path, row)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", "query,candidate,correct\n2+2?,4,1\n2+2?,5,\n2+2?,6,NaN\n"),
        ("l.csv", "prompt,response,label\n2+2?,4,1.0\n2+2?,5,\n2+2?,6,null\n"),
        ("l.csv", "query,candidate,correct\n2+2?,5,\n2+2?,4,1\n2+2?,6,nan\n"),
        ("l.json", json.dumps([PLAIN, {**PLAIN, "correct": None}, {**PLAIN, "correct": ""}])),
        ("l.jsonl", f'{json.dumps(PLAIN)}\n{{"query":"q","candidate":"c","correct":NaN}}\n'
         + '{"query":"q","candidate":"d"}\n'),
    ],
)  # fmt: skip
def test_rows_that_are_not_labelled_are_counted(tmp_path: Path, name: str, content: str) -> None:
    """Empty, null or NaN: as `assay fit` takes them."""
    (tmp_path / name).write_text(content)
    understood = Understood()
    with opened_rows(tmp_path / name) as opened:
        rows = rows_of_labels(tmp_path / name, opened, ColumnMap(), understood)
        read = list(labelled_rows(tmp_path / name, rows, understood))

    assert [float(label["correct"]) for _, label in read] == [1.0]
    assert "2 rows are not labelled and left out" in " ".join(understood.notes)


@pytest.mark.parametrize("row", [{"query": "q", "candidate": "c"}, {"key": KEY, "verdict": 1}])
def test_a_file_without_any_label_lacks_its_column(row: dict[str, Any]) -> None:
    """With how to name it."""
    with pytest.raises(StartupError, match=r"l.jsonl:2: correct: is missing; .*--map correct="):
        list(labelled_rows(Path("l.jsonl"), iter([(2, row)]), Understood()))


def test_a_column_without_a_name_is_left_out(tmp_path: Path) -> None:
    """pandas writes its index so."""
    (tmp_path / "l.csv").write_text(",query,candidate,correct\n0,2+2?,4,1\n")
    understood = Understood()
    with opened_rows(tmp_path / "l.csv") as opened:
        list(rows_of_labels(tmp_path / "l.csv", opened, ColumnMap(), understood))

    assert understood.left_out == {"column 1": "has no name"}


def test_a_map_states_other_names(tmp_path: Path) -> None:
    """Also paths, and a column whose name is one of ours for something else."""
    row = {"doc": {"q": "2+2?"}, "prompt": "other", "text": "4", "score": 0.5, "user": "ann"}

    read, _ = labels(tmp_path, row, columns="query=doc.q,candidate=text,correct=score")

    assert read == [
        (1, {"query": "2+2?", "candidate": "4", "correct": 0.5, "who": "ann"}),
    ]


def test_conversations_are_messages(tmp_path: Path) -> None:
    """Whatever the column is called."""
    chat = [{"role": "user", "content": "2+2?"}]

    for name in ("messages", "conversation", "prompt", "query"):
        read, _ = labels(tmp_path, {name: chat, "candidate": "4", "correct": 1})
        assert read == [(1, {"messages": chat, "candidate": "4", "correct": 1})]


def test_a_key_needs_no_texts(tmp_path: Path) -> None:
    """Texts of other names beside it are left out."""
    read, understood = labels(tmp_path, {"key": KEY, "prompt": "2+2?", "label": 0})

    assert read == [(1, {"key": KEY, "correct": 0})]
    assert list(understood.left_out) == ["prompt"]


@pytest.mark.parametrize(
    "row",
    [
        {"query": "2+2?", "candidates": ["4", "5", "6"], "labels": [1, 0, None]},
        {"prompt": "2+2?", "chosen": "4", "rejected": "5"},
        {"question": "2+2?", "candidates": [{"id": "a", "text": "4"}, {"text": "5"}], "correct": [True, False]},
    ],
)  # fmt: skip
def test_a_ranking_gives_a_label_for_each_labelled_candidate(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    """Each of the same line."""
    read, _ = labels(tmp_path, row)

    assert read == [
        (1, {**PLAIN, "correct": 1.0}),
        (1, {**PLAIN, "candidate": "5", "correct": 0.0}),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**PLAIN, "query": None, "prompt": "a", "label": 1}, None),
        ({"prompt": "a", "question": "b", "candidate": "4", "correct": 1}, "l.jsonl:1: query: 'prompt' and 'question' could each"),
        ({"query": "a", "response": "4", "output": "5", "correct": 1}, "--map candidate=response"),
        ({"query": "a", "candidate": "4", "label": 1, "is_correct": 0}, "--map correct=label"),
        ({"query": "a", "candidate": "4", "label": 3}, r"label: must be a number from 0 to 1.*\(got '3'\)"),
        ({"query": "a", "response": ["4", "5"], "correct": 1}, "response: must be a text"),
        ({"query": "a", "candidates": ["4"], "labels": [1, 0]}, r"l.jsonl:1: labels: must have a value for each of 1"),
        ({"query": "a", "candidates": ["4"]}, "labels: must have a value"),
    ],
)  # fmt: skip
def test_nothing_is_chosen_silently(
    tmp_path: Path, row: dict[str, Any], message: str | None
) -> None:
    """A field's own name wins; else two likely columns are an error."""
    if message is None:
        assert labels(tmp_path, row)[0] == [(1, {"candidate": "4", "correct": 1})]
        return
    with pytest.raises(StartupError, match=message):
        labels(tmp_path, row)


def test_ratings_are_not_taken_for_labels(tmp_path: Path) -> None:
    """A 1 may be the worst of five."""
    for name in ("rating", "score", "value"):
        read, understood = labels(tmp_path, {"query": "a", "candidate": "4", name: 1})

        assert "correct" not in read[0][1]
        assert list(understood.left_out) == [name]


def test_a_map_of_another_field_is_refused() -> None:
    """With the fields that there are; a row is read by the fields alone."""
    with pytest.raises(StartupError, match="no field 'label'; there are key, query"):
        check_label_map(ColumnMap.parse("label=correct"))
    assert named_label(PLAIN, ColumnMap(), Understood()) == PLAIN


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (studio_flat(QA, verdict="Correct"), "verdict (words for right and wrong)"),
        (
            studio_task([studio_annotation([studio_result("rating", 4, "stars")])]),
            "stars, 1 as 0 and 5 as 1",
        ),
        (
            studio_task([studio_annotation([studio_result("choices", ["Wrong"])])]),
            "verdict (words for right and wrong)",
        ),
    ],
)
def test_only_columns_of_the_file_are_named(
    tmp_path: Path, row: dict[str, Any], column: str
) -> None:
    """Of another tool's file: not the names that its rows get in between."""
    _, understood = labels(tmp_path, row)

    assert understood.tool == "Label Studio exports"
    assert understood.data()["columns"] == {
        "query": ["question"],
        "candidate": ["answer"],
        "correct": [column],
    }
