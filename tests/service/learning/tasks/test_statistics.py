"""A process's statistics of a task."""

from __future__ import annotations

from assay.service.learning.tasks.statistics import REMEMBERED_REQUESTS, TaskStatistics


def test_the_requests_recorded_last_are_remembered() -> None:
    """Up to the bound; the oldest goes."""
    statistics = TaskStatistics()

    for number in range(REMEMBERED_REQUESTS + 1):
        statistics.note_recorded(f"{number}")

    assert len(statistics.recorded) == REMEMBERED_REQUESTS
    assert "0" not in statistics.recorded
    assert {"1", f"{REMEMBERED_REQUESTS}"} <= statistics.recorded.keys()


def test_the_same_request_takes_one_place() -> None:
    """However often it comes."""
    statistics = TaskStatistics()

    for _ in range(3):
        statistics.note_recorded("again")

    assert list(statistics.recorded) == ["again"]
