"""Verifiers as members of ensembles, and as the aggregator's columns."""

from __future__ import annotations

import pytest

from assay.service.config.model import Config
from assay.service.runtime.ensembles import build_members, columns_of, measured_costs
from assay.service.scoring.cost_meter import LEAST_CANDIDATES
from tests.support.verifiers.fakes import FakeTransport

CONFIG = Config.model_validate(
    {
        "verifiers": [
            {"name": "short", "kind": "length", "weight": 2},
            {"name": "sums", "kind": "arithmetic"},
        ]
    }
)


def test_a_column_is_what_the_aggregator_needs_of_a_verifier() -> None:
    """Its fingerprint, family, bounds, weight and name."""
    members = build_members(CONFIG, FakeTransport({}), None)
    first, second = columns_of(list(members.values()))

    assert [first.name, second.name] == ["short", "sums"]
    assert first.weight == pytest.approx(2 * second.weight)
    assert int(first.key, 16) == members["short"].column.fingerprint != int(second.key, 16)


def test_a_verifier_that_vetoes_has_no_weight_beside_others() -> None:
    """Alone it has its own."""
    veto = {"name": "refuses", "kind": "refusal", "weight": 3}
    weights = [
        [column.weight for column in columns_of(list(members.values()))]
        for members in (
            build_members(Config.model_validate({"verifiers": kinds}), FakeTransport({}), None)
            for kinds in ([{"name": "short", "kind": "length", "weight": 2}, veto], [veto])
        )
    ]

    assert weights == [[pytest.approx(2.0), 0.0], [pytest.approx(3.0)]]


async def test_costs_are_measured_when_all_verifiers_have_been_called() -> None:
    """With one unknown there is nothing to compare."""
    members = list(build_members(CONFIG, FakeTransport({}), None).values())
    meters = [member.guarded.meter for member in members]

    assert measured_costs(members) is None
    for meter in meters:
        assert measured_costs(members) is None
        meter.begin()
        meter.end(LEAST_CANDIDATES)
    costs = measured_costs(members)
    assert costs is not None
    assert len(costs) == 2
