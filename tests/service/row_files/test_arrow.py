"""pyarrow, which an installation may lack."""

from __future__ import annotations

import sys

import pytest

from assay.service.row_files.arrow import NoArrowError, load_arrow


def test_it_has_its_parquet_part() -> None:
    """A bare import of pyarrow has not."""
    assert load_arrow().parquet.write_table


def test_without_it_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And which forms need none."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(NoArrowError, match=r"pip install pyarrow .* \.jsonl or \.csv"):
        load_arrow()
