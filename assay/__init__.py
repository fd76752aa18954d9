"""Assay: which of several candidate answers to trust."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: The public names, each with the module that has it; loaded when it is asked for.
_PUBLIC = {"LabelModel": "assay.aggregation"}
__all__ = ["LabelModel"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
