"""Packed files from anywhere."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from assay.service.score_files.packed import look_into, refuse_bomb


def archive(folder: Path, **members: bytes) -> Path:
    """Write an archive of members."""
    path = folder / "a.npz"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def array(values: object) -> bytes:
    """Return an array as npy."""
    stream = io.BytesIO()
    np.save(stream, np.asarray(values), allow_pickle=True)
    return stream.getvalue()


def test_whole_arrays_pass(tmp_path: Path) -> None:
    """In either version of the format, of numbers and of strings."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.arange(3), version=(2, 0))
    path = archive(tmp_path, a=array([["x", "yy"]]), b=stream.getvalue())

    look_into(path, {"a", "b"})

    with np.load(path) as arrays:
        assert (arrays["a"].tolist(), arrays["b"].tolist()) == ([["x", "yy"]], [0, 1, 2])


def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    """Before anything of that size is made."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**3)}
    )
    path = archive(tmp_path, a=stream.getvalue())

    with pytest.raises(ValueError, match=r"a\.npy: claims 8000000000000 bytes, and has \d+"):
        look_into(path, {"a"})


def test_python_objects_are_refused_where_they_would_be_read(tmp_path: Path) -> None:
    """Unpickling them would run their code; an array under another name stays packed."""
    path = archive(tmp_path, a=array([1]), b=array([object()]))

    look_into(path, {"a"})
    with pytest.raises(ValueError, match=r"b\.npy: holds Python objects"):
        look_into(path, {"a", "b"})


def test_a_file_may_grow_by_its_size_and_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The larger of the two holds."""
    monkeypatch.setattr("assay.service.score_files.packed.UNPACKED", 50_000)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x" * 10)
    large.write_bytes(b"x" * 1000)

    refuse_bomb(small, 50_000)
    refuse_bomb(large, 100_000)
    with pytest.raises(ValueError, match="10 bytes that would be 50001 when unpacked"):
        refuse_bomb(small, 50_001)
    with pytest.raises(ValueError, match="when unpacked"):
        refuse_bomb(large, 100_001)
