"""Scores in Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.row_files.arrow import load_arrow
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.parquet import read_parquet
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table
from tests.support.samples.carried_labels import CARRIED


def written(folder: Path, **columns: Any) -> Path:
    """Write columns."""
    arrow = load_arrow()
    path = folder / "a.parquet"
    arrow.parquet.write_table(arrow.table(columns), path)
    return path


def test_a_wide_table_has_a_verifier_in_each_column_of_numbers(tmp_path: Path) -> None:
    """Texts and reserved names are none; labels are read only if asked."""
    path = written(
        tmp_path, query_id=["q", "q"], label=[1, 0], a=[0.5, None], b=[True, False], note=["x", "y"]
    )

    columns = read_parquet(path, TableReading(labels=True))

    assert columns["verifier_names"] == ["a", "b"]
    np.testing.assert_array_equal(columns["scores"], [[0.5, 1], [np.nan, 0]])
    assert columns["labels"].tolist() == [1, 0]
    assert "labels" not in read_parquet(path, TableReading())


@pytest.mark.parametrize(
    "ids",
    [
        ["q1", "q2"],
        [2**63 + 7, 2**64 - 1],
        [-(2**62), 2**62 + 1],
        ["12345678-1234-5678-1234-567812345678", "x"],
        [True, False],
        [0.5, 2.0],
    ],
)
def test_f08_ids_come_back_as_they_were(tmp_path: Path, ids: list[Any]) -> None:
    """With their type."""
    column = np.array(ids, np.uint64) if ids[0] == 2**63 + 7 else ids
    table = read_table(written(tmp_path, query_id=column, a=[0.5, 0.7]), labels=False)

    own = [value.item() if hasattr(value, "item") else value for value in table.own_ids]
    assert own == ids
    assert [type(value) for value in own] == [type(value) for value in ids]
    assert len(set(table.query_id.tolist())) == 2


@pytest.mark.parametrize("ids", [["q1", None], [1, None], [1.5, None]])
def test_f07_a_missing_id_is_named_by_its_row(tmp_path: Path, ids: list[Any]) -> None:
    """Not a query called None."""
    with pytest.raises(TableError, match=r"a\.parquet: query_id: row 1 has none"):
        read_table(written(tmp_path, query_id=ids, a=[0.5, 0.7]), labels=False)


def test_labels_that_are_texts_are_read_whole(tmp_path: Path) -> None:
    """However many rows there are."""
    path = written(
        tmp_path,
        query_id=["q"] * 500,
        a=np.random.default_rng(0).random(500),
        correct=["true"] * 500,
    )

    table = read_table(path, labels=True)

    assert table.labels is not None
    assert table.labels.tolist() == [1.0] * 500


def test_a_path_of_the_map_leads_into_objects(tmp_path: Path) -> None:
    """Such a table is read row by row."""
    path = written(tmp_path, doc=[{"id": 5}, {"id": 6}], out=[{"s": 0.5}, {"s": 0.7}])
    text = "query_id=doc.id,judge=out.s"

    table = read_table(path, False, TableReading(column_map=ColumnMap.parse(text)))

    assert (table.names, list(table.own_ids)) == (("judge",), [5, 6])


def test_an_object_a_row_is_scores_by_name(tmp_path: Path) -> None:
    """As in JSONL."""
    path = written(tmp_path, query_id=[1, 1], scores=[{"a": 1.0, "b": None}, {"a": 2.0, "b": 3.0}])

    columns = read_parquet(path, TableReading())

    assert columns["verifier_names"] == ["a", "b"]
    np.testing.assert_array_equal(columns["scores"], [[1, np.nan], [2, 3]])


def test_rankings_of_assay_batch_are_rows(tmp_path: Path) -> None:
    """A query a ranking, by file and row; one that failed has no rows."""
    path = written(
        tmp_path,
        file=["f", "f", "g"],
        row=[3, 4, 3],
        score=[[0.1, 0.9], None, [0.5]],
        raw=[{"a": [1.0, 2.0], "b": None}, None, {"a": [3.0], "b": [4.0]}],
        labels=[[0.0, 1.0], None, None],
    )

    columns = read_parquet(path, TableReading(labels=True))

    assert columns["query_id"].own == ["f:3", "f:3", "g:3"]
    np.testing.assert_array_equal(columns["scores"], [[1, np.nan], [2, np.nan], [3, 4]])
    np.testing.assert_array_equal(columns["labels"], [0, 1, np.nan])


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    """With the file."""
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + b"x" * 100 + b"PAR1")

    with pytest.raises(TableError, match=r"a\.parquet: not Parquet"):
        read_parquet(path, TableReading())


@pytest.mark.parametrize("carried", CARRIED)
def test_carried_labels_have_a_value_for_each_candidate(tmp_path: Path, carried: object) -> None:
    """The message has the row; without labels the column is not read at all."""
    path = written(
        tmp_path,
        file=["f", "f"],
        row=[6, 7],
        score=[[1.0, 2.0, 3.0, 4.0]] * 2,
        raw=[{"a": [1.0, 2.0, 3.0, 4.0]}] * 2,
        labels=[None, carried],
    )

    with pytest.raises(TableError, match=r"row 7 of f: `labels` must be a list .* 4 candidates"):
        read_table(path, labels=True)
    assert read_table(path, labels=False).scores.shape == (8, 1)
