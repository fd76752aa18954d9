"""Scores in npz archives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.npz import read_npz
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table
from tests.support.commands.in_process import SAMPLE, as_npz


def test_an_npz_names_what_it_lacks(tmp_path: Path) -> None:
    """Keys, shapes, names; an object array is not unpickled."""
    for key in ("scores", "query_id", "verifier_names"):
        content = {
            "scores": SAMPLE.scores,
            "query_id": SAMPLE.query_id,
            "verifier_names": np.array(SAMPLE.names),
        }
        del content[key]
        np.savez(tmp_path / "a.npz", **content)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flags
        with pytest.raises(TableError, match=f"has no `{key}`"):
            read_table(tmp_path / "a.npz", labels=False)
    with pytest.raises(TableError, match="5 verifier names"):
        read_table(
            as_npz(tmp_path / "b.npz", verifier_names=np.array(SAMPLE.names[:5])), labels=False
        )
    with pytest.raises(TableError, match="two verifiers are called 'v0'"):
        read_table(as_npz(tmp_path / "c.npz", verifier_names=np.array(["v0"] * 6)), labels=False)
    np.savez(
        tmp_path / "d.npz",
        scores=np.array([[print]]),
        query_id=[1],
        verifier_names=["a"],
        allow_pickle=True,
    )
    with pytest.raises(TableError, match=r"d\.npz"):
        read_table(tmp_path / "d.npz", labels=False)


def test_labels_are_read_only_if_asked(tmp_path: Path) -> None:
    """A fit without labels cannot see them by mistake; unknown arrays are left alone."""
    path = as_npz(tmp_path / "a.npz", labels=SAMPLE.labels, notes=np.array(["x"]))

    parts = {"scores", "query_id", "verifier_names", "understood"}
    assert set(read_npz(path, TableReading())) == parts
    assert set(read_npz(path, TableReading(labels=True))) == {*parts, "labels"}


def test_a_prediction_in_npz_is_a_table(tmp_path: Path) -> None:
    """Its score is the verifier; texts come back as texts."""
    path = tmp_path / "p.npz"
    np.savez(path, query_id=["q", "q"], candidate=["a", "b"], score=[0.5, 1], probability=[0.6, 1])

    table = read_table(path, labels=False)

    assert (table.names, table.carried["candidate"]) == (("score",), ["a", "b"])


@pytest.mark.parametrize("ids", [np.array([1.0, np.nan]), np.array(["q", ""])])
def test_a_missing_id_is_named(tmp_path: Path, ids: np.ndarray) -> None:
    """NaN, or an empty text."""
    path = tmp_path / "a.npz"
    np.savez(path, query_id=ids, scores=np.zeros((2, 1)), verifier_names=["a"])

    with pytest.raises(TableError, match=r"a\.npz: query_id: row 1 has none"):
        read_table(path, labels=False)
