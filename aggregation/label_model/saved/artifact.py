"""A fitted label model as plain data and as one JSON file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.label_model.saved.serialization import (
    ArtifactError,
    checksum,
    restore,
    restore_from,
    save,
    to_dict,
    version_of,
)

__all__ = ["ArtifactError", "checksum", "from_dict", "load_model", "save", "to_dict", "version_of"]


def from_dict(data: Any) -> LabelModel:
    """Return the model that `to_dict` described; raise `ArtifactError` for anything else."""
    return restore(LabelModel(), data)


def load_model(path: Path) -> LabelModel:
    """Return the model in a file; raise `ArtifactError` if it is missing or damaged."""
    return restore_from(LabelModel(), path)
