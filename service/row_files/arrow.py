"""pyarrow, which an installation may lack."""

from __future__ import annotations

from typing import Any

from assay.service.domain.errors import StartupError

NO_PYARROW = (
    "Parquet needs pyarrow: pip install pyarrow (the extra `plot` has it), or use .jsonl or .csv"
)


class NoArrowError(StartupError):
    """pyarrow is not installed."""


def load_arrow() -> Any:
    """Return pyarrow with its Parquet part; raise `NoArrowError` if it is not installed."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise NoArrowError(NO_PYARROW) from None
    return pyarrow
