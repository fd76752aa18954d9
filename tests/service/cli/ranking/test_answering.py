"""Answers beside their rows: what the command keeps of a row."""

from __future__ import annotations

from assay.service.batch.own_output import ANSWER_COLUMNS
from assay.service.cli.ranking.answering import DROPPED


def test_options_of_a_request_are_not_carried_over() -> None:
    """Its texts are; the answer states the task."""
    assert {"explain", "top_n", "deadline_ms", "budget", "task"} <= DROPPED
    assert not DROPPED & {"query", "messages", "candidates", "reference", "tests"}
    assert {"task", "line", "results", "error"} <= set(ANSWER_COLUMNS)
