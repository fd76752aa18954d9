"""Families, and stated qualities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.families import families_of, family_weights, quality_weights


def test_families_come_from_the_statement_else_from_the_name() -> None:
    """The text before a colon."""
    assert families_of(["a:x", "b", "c"], {"c": "a"}) == ("a", "b", "a")
    assert family_weights(["a", "a", "b"]).tolist() == pytest.approx([2**-0.5, 2**-0.5, 1])


def test_a_quality_weighs_as_specified() -> None:
    """Numbers weigh (2 AUC - 1)^2, tiers its first power, unstated the mean; useless statements 1."""
    assert quality_weights([0.9, "high", None, 0.4]).tolist() == pytest.approx(
        [0.64, 0.6, (0.64 + 0.6) / 3, 0]
    )
    assert quality_weights([0.5, None]).tolist() == [1, 1]
    assert quality_weights([1.02, 0.9]).tolist() == pytest.approx([1, 0.64])
    for wrong in ("good", 70.0, -1.0):
        with pytest.raises(ValueError, match="quality of verifier 1"):
            quality_weights([0.7, wrong])


def test_a_family_of_an_unknown_verifier_is_an_error() -> None:
    """A name that was mistyped would else leave its verifier in a family of its own, unseen."""
    stated = {"a": "x", "jugde": "y"}

    with pytest.raises(ValueError, match=r"no verifier has the name 'jugde'; .* are: a, judge"):
        families_of(["a", "judge"], stated)
    with pytest.raises(ValueError, match="'jugde'"):
        LabelModel(families=stated).fit(np.eye(20), np.arange(20) // 4)


def test_a_quality_of_an_unknown_verifier_is_an_error() -> None:
    """It would else count for none, unseen; a wrong value is an error of the verifier's name."""
    scores, query = np.random.default_rng(0).random((20, 2)), np.arange(20) // 4
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"jugde": 0.8}, r"quality: no verifier has the name 'jugde'; .* are: a, judge"),
        ({"judge": "good"}, r"quality of 'judge': must be an AUC or one of low, .* not 'good'"),
        ({"judge": [0.8]}, r"quality of 'judge': must be an AUC or .* not \[0.8\]"),
        ({"a": 80}, r"quality of 'a': an AUC lies between 0 and 1, not 80"),
    ]

    for quality, message in wrong:
        with pytest.raises(ValueError, match=message):
            LabelModel(quality=quality).fit(scores, query, verifier_names=["a", "judge"])


@pytest.mark.parametrize("argument", ["families", "quality"])
def test_statements_about_verifiers_are_by_name(argument: str) -> None:
    """A list is an error of its argument, which shows the list."""
    stated: Any = ["x", "y"]

    with pytest.raises(ValueError, match=rf"{argument}: must be a dict .* list: \['x', 'y'\]"):
        LabelModel(**{argument: stated})
    with pytest.raises(ValueError, match=f"{argument}: must be a dict"):
        LabelModel().set_params(**{argument: stated})
