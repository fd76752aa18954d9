"""The names, help and labels of the metrics."""

from __future__ import annotations

from typing import Any

from prometheus_client import Gauge

from assay.service.telemetry.metric_families import MetricFamilies


def collectors(families: MetricFamilies) -> list[Any]:
    """Return all metrics of a registry."""
    return list(dict.fromkeys(families.registry._names_to_collectors.values()))


def test_each_metric_has_a_name_of_ours_and_a_sentence() -> None:
    """A page of metrics of several services is read by the prefix."""
    families = list(MetricFamilies().registry.collect())

    assert len(families) > 30
    assert [family.name for family in families if not family.name.startswith("assay_")] == []
    assert [family.name for family in families if not family.documentation.endswith(".")] == []


def test_each_metric_is_an_attribute() -> None:
    """Nothing is registered that nobody can count."""
    families = MetricFamilies()

    assert {id(metric) for metric in collectors(families)} <= {
        id(value) for value in vars(families).values()
    }


def test_a_dead_worker_holds_no_gauge_but_the_latest_value() -> None:
    """Sums and extremes are those of the workers that live."""
    modes = {
        metric._name: metric._multiprocess_mode
        for metric in collectors(MetricFamilies())
        if isinstance(metric, Gauge)
    }

    latest = {name for name, mode in modes.items() if mode == "mostrecent"}
    assert latest == {"assay_cascade_loss", "assay_cascade_cost", "assay_candidate_seconds"}
    assert all(mode.startswith("live") for name, mode in modes.items() if name not in latest)
