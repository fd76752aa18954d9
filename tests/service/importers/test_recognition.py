"""Which other tool wrote a file."""

from __future__ import annotations

from assay.service.importers.recognition import converted


def test_rows_of_our_own_stay_as_they_are() -> None:
    """Also where there are none."""
    rows = [(1, {"query": "q", "candidates": ["a"]}), (3, {"query": "r", "candidates": ["b"]})]

    ours = converted(iter(rows), "rankings")

    assert (list(ours.rows), ours.title) == (rows, None)
    assert list(converted((), "labels").rows) == []
