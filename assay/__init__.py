"""Assay: which of several candidate answers to trust.

`LabelModel` turns the raw scores of weak verifiers into P(correct), with or without labels;
`rank` orders one query's candidates by a fitted model. Both are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.aggregation import LabelModel, rank

    __version__: str

__all__ = ["LabelModel", "__version__", "rank"]

_DISTRIBUTION = "assay-ensemble"
#: Where each public name lies.
_MODULES = {"LabelModel": "assay.aggregation", "rank": "assay.aggregation"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
