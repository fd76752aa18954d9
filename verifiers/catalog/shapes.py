"""The shapes of known models; the data is `shapes.yaml`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import yaml

from assay.verifiers.contract.model_shape import ModelShape


def shape_of(model: str) -> ModelShape | None:
    """Return the shape of a model by its name on the hub; None if it is unknown."""
    name = model.lower()
    return next((shape for pattern, shape in _shapes() if pattern.search(name)), None)


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], ModelShape], ...]:
    data = yaml.safe_load(files(__package__).joinpath("shapes.yaml").read_text(encoding="utf-8"))
    return tuple(
        (re.compile(row.pop("match")), ModelShape.model_validate(row)) for row in data["shapes"]
    )
