"""Names of measurements, which are no verifiers by themselves."""

from __future__ import annotations

import pytest

from assay.service.score_files.columns.column_names import reason_by_name, words_of_name
from assay.service.score_files.columns.measurement_names import measurement_of


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("latency_ms", "a duration"),
        ("elapsed", "a duration"),
        ("elapsed_s", "a duration"),
        ("generation_duration", "a duration"),
        ("year", "a time"),
        ("n_tokens", "a count of tokens"),
        ("completionTokens", "a count of tokens"),
        ("num_calls", "a count"),
        ("cost_usd", "a cost"),
        ("total_price", "a cost"),
        ("length", "a length"),
        ("response_length", "a length"),
        ("temperature", "a setting of the run"),
    ],
)
def test_a_name_of_a_measurement_is_left_out(name: str, reason: str) -> None:
    """The reason names the option that takes it all the same."""
    assert measurement_of(words_of_name(name)) == reason
    assert reason_by_name(name) == f"{reason}; --map verifiers={name} takes it"


@pytest.mark.parametrize(
    "name", ["s", "judge_lengthy", "token_logprob", "num_votes", "length_score", "é" * 200, "奖励"]
)
def test_other_names_measure_nothing(name: str) -> None:
    """In other letters as well."""
    assert measurement_of(words_of_name(name)) is None
    assert reason_by_name(name) is None
