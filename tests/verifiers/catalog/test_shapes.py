"""The shapes of known models."""

from __future__ import annotations

from assay.verifiers.catalog.shapes import shape_of
from assay.verifiers.contract.model_shape import ModelShape


def test_a_model_is_known_by_its_name_in_any_case() -> None:
    """The first pattern counts."""
    known = ModelShape(layers=32, heads=32, kv_heads=8, head_dim=128)

    assert shape_of("meta-llama/Llama-3.1-8B-Instruct") == known
    assert shape_of("META-LLAMA/LLAMA-3.1-8B") == known


def test_an_unknown_model_has_no_shape() -> None:
    """The planner needs an explicit one then."""
    assert shape_of("nobody/nothing") is None
