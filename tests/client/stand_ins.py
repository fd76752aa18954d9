"""Stand-ins of packages that the adapters extend, for environments without them."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest


def package(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: Any) -> None:
    """Put a module into the place of a package, with its parents."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        module = types.ModuleType(".".join(parts[:depth]))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for attribute, value in attributes.items():
        setattr(sys.modules[name], attribute, value)
