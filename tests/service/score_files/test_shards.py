"""Several files of scores as one data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from assay.service.score_files.score_table import TableError
from assay.service.score_files.shards import Shards, check_apart, files_of, read_tables, shard_of


def written(path: Path, query: str, scores: dict[str, float]) -> Path:
    """Write a file of one row."""
    path.write_text(json.dumps({"query_id": query, "scores": scores}))
    return path


def test_a_folder_stands_for_its_files_in_order(tmp_path: Path) -> None:
    """A file stands for itself; hidden ones, and those of other kinds, are no data."""
    for name in ("b.jsonl", "a.npz", "_plan.jsonl", ".c.jsonl", "d.csv", "m.json", "x.txt"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()

    assert [path.name for path in files_of(tmp_path)] == ["a.npz", "b.jsonl", "d.csv"]
    assert files_of(tmp_path / "d.csv") == [tmp_path / "d.csv"]
    assert [path.name for path in files_of(tmp_path / "?.json*")] == ["b.jsonl", "m.json"]
    with pytest.raises(TableError, match=r"has no file that ends in \.npz"):
        files_of(tmp_path / "empty")
    with pytest.raises(TableError, match="no file has such a name"):
        files_of(tmp_path / "*.none")


def test_all_files_have_the_first_ones_columns(tmp_path: Path) -> None:
    """Whichever order each has, as often as they are walked."""
    paths = [
        written(tmp_path / "a.jsonl", "q", {"a": 1.0, "b": 2.0}),
        written(tmp_path / "b.jsonl", "r", {"b": 4.0, "a": 3.0}),
    ]

    shards = Shards(paths, labels=False)

    for _ in range(2):
        scores = [shard.scores for shard in shards]
        np.testing.assert_array_equal(np.concatenate(scores), [[1, 2], [3, 4]])


def test_a_file_of_other_verifiers_is_named(tmp_path: Path) -> None:
    """With the verifiers that only one of them has."""
    path = written(tmp_path / "a.jsonl", "q", {"a": 1.0, "c": 2.0})

    with pytest.raises(TableError, match=r"a\.jsonl: has other verifiers .*: b, c"):
        shard_of(path, False, ["a", "b"])


def test_a_query_in_two_files_is_named(tmp_path: Path) -> None:
    """Its candidates would be compared in two sets; the same file may have it twice."""
    paths = [written(tmp_path / f"{name}.jsonl", "q", {"a": 1.0}) for name in "ab"]

    with pytest.raises(TableError, match=r"query 'q' is in .*a\.jsonl and in .*b\.jsonl"):
        list(Shards(paths, labels=False))
    seen: dict[int, Path] = {}
    check_apart(paths[0], [1, 1, 2], seen)
    assert seen == {1: paths[0], 2: paths[0]}
    with pytest.raises(TableError, match="a query is in"):
        check_apart(paths[1], [2], seen)


@pytest.mark.parametrize("other", ["a.jsonl", "./folder/../a.jsonl", "link.jsonl", "hard.jsonl"])
def test_a_file_that_is_given_twice_is_named(tmp_path: Path, other: str) -> None:
    """Under the same name, or by another way to it: it would be twice the evidence."""
    (tmp_path / "folder").mkdir()
    path = written(tmp_path / "a.jsonl", "q", {"a": 1.0})
    (tmp_path / "link.jsonl").symlink_to(path)
    (tmp_path / "hard.jsonl").hardlink_to(path)
    again = Path(f"{tmp_path}/{other}")

    with pytest.raises(TableError, match=rf"{again.name}: is given twice.*: give each file once"):
        Shards([path, again], labels=False)


def test_a_copy_of_a_file_is_no_more_evidence(tmp_path: Path) -> None:
    """Of another name, and in another folder that is given beside it."""
    path = written(tmp_path / "a.jsonl", "q", {"a": 1.0})
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.jsonl").write_bytes(path.read_bytes())

    with pytest.raises(TableError, match=r"query 'q' is in .*a\.jsonl and in .*b\.jsonl"):
        list(Shards([path, *files_of(tmp_path / "folder")], labels=False))


def test_files_are_read_as_one_table(tmp_path: Path) -> None:
    """With ids of either type as they were, and columns that only one of them has."""
    (tmp_path / "a.jsonl").write_text(
        '{"query_id": 7, "a": 0.5, "b": 1, "answer": "x", "label": 1}'
    )
    (tmp_path / "b.csv").write_text("query_id,b,a,candidate,label\nq,2,0.25,c1,0\n")

    table = read_tables([tmp_path], labels=True)

    np.testing.assert_array_equal(table.scores, [[0.5, 1], [0.25, 2]])
    assert list(table.own_ids) == [7, "q"]
    assert table.labels is not None
    assert table.labels.tolist() == [1, 0]
    assert table.answers is not None
    assert table.answers.tolist() == ["x", None]
    assert list(table.carried["candidate"]) == [None, "c1"]


@pytest.mark.parametrize("other", ['{"query_id": "1"}', '{"query_id": 1.0}', '{"query_id": 1}'])
def test_f10_a_query_in_two_files_is_known_in_any_type(tmp_path: Path, other: str) -> None:
    """As text, as a float, as an integer."""
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, row in zip(paths, ('{"query_id": 1}', other), strict=True):
        path.write_text(json.dumps({**json.loads(row), "a": 0.5}))

    with pytest.raises(TableError, match=r"query .* is in .*a\.jsonl and in .*b\.jsonl"):
        read_tables(paths, labels=False)
    with pytest.raises(TableError, match="a query belongs in one file"):
        list(Shards(paths, labels=False))


@pytest.mark.parametrize("lost", ["1.5E+18", "1.57713E+18", "2e+19"])
def test_notes_on_later_files_are_kept(tmp_path: Path, lost: str) -> None:
    """With their file, whether the files are walked or become one table."""
    paths = [
        written(tmp_path / "a.jsonl", "q", {"a": 1.0}),
        written(tmp_path / "b.jsonl", lost, {"a": 1.0}),
    ]
    shards = Shards(paths, labels=False)

    assert not shards.notes
    for _ in range(2):
        assert len(list(shards)) == 2
    [note] = shards.notes

    assert note.startswith(f"{paths[1]}: warning: 1 query id is rounded numbers")
    assert read_tables(paths, labels=False).understood.notes == (note,)
