"""The definition of a task in the configuration."""

from __future__ import annotations

from assay.aggregation import Column
from assay.service.learning.tasks.spec import TaskSpec

COLUMNS = (
    Column("00000000000000ff", "family", None, 1.0, "a"),
    Column("0000000000000001", "other", None, 1.0, "b"),
)


def test_verifiers_are_known_by_what_determines_their_scores() -> None:
    """In the order of the columns."""
    spec = TaskSpec(name="t", ensemble="e", columns=COLUMNS)

    assert spec.fingerprints == (255, 1)


def test_a_fit_is_made_of_what_was_stated() -> None:
    """Families and qualities come where somebody stated them: a fit finds the other families."""
    spec = TaskSpec(
        name="t",
        ensemble="e",
        columns=COLUMNS,
        base_rate=0.25,
        quality={"a": "high"},
        families={"a": "family"},
    )

    inputs = spec.fit_inputs()

    assert (inputs.names, inputs.fingerprints) == (("a", "b"), (255, 1))
    assert inputs.families == {"a": "family"}
    assert (inputs.quality, inputs.base_rate) == ({"a": "high"}, 0.25)


def test_a_fit_cannot_change_what_was_stated() -> None:
    """It gets a copy."""
    spec = TaskSpec(name="t", ensemble="e", columns=COLUMNS, quality={"a": "high"})

    spec.fit_inputs().quality["b"] = "low"

    assert spec.quality == {"a": "high"}
