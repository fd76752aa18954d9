"""What a client asks of an export."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.service.api.exports.export_requests import ExportIn


@pytest.mark.parametrize(
    ("asked", "min_p", "min_gap"),
    [
        ({"format": "dpo"}, 0.5, 0.2),
        ({"format": "kto"}, 0.7, 0.2),
        ({"format": "reward", "min_p": 0.2}, 0.2, 0.2),
        ({"format": "reward"}, 0.0, 0.2),
        ({"format": "dpo", "probably_wrong": True}, 0.0, 0.2),
        ({"format": "sft", "probably_wrong": True}, 0.0, 0.2),
        ({"format": "dpo", "probably_wrong": True, "min_p": 0.3}, 0.3, 0.2),
        ({"format": "dpo", "margin": 0.4}, 0.5, 0.4),
        ({"format": "kto", "threshold": 0.9, "min_p": 0.9}, 0.9, 0.2),
        ({"format": "sft", "threshold": 0.9}, 0.9, 0.2),
        ({"format": "dpo", "margin": 0.1, "min_gap": 0.1, "min_p": 0.6}, 0.6, 0.1),
    ],
)
def test_options_have_defaults_by_shape(
    asked: dict[str, Any], min_p: float, min_gap: float
) -> None:
    """The former names count where the new ones are not stated."""
    options = ExportIn(**asked).options()

    assert (options.min_p, options.min_gap) == (min_p, min_gap)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"format": "csv"},
        {"format": "dpo", "min_p": 1.5},
        {"format": "dpo", "min_gap": -0.1},
        {"format": "dpo", "min_p": float("nan")},
        {"format": "dpo", "minp": 0.5},
    ],
)
def test_what_no_export_has_is_refused(asked: dict[str, Any]) -> None:
    """A misspelt option as well: without it, the file would be another."""
    with pytest.raises(ValidationError):
        ExportIn(**asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"format": "kto", "min_gap": 1}, "is an option of dpo, not of kto"),
        ({"format": "sft", "margin": 0.3}, "is an option of dpo, not of sft"),
        ({"format": "reward", "min_gap": 0}, "is an option of dpo, not of reward"),
        ({"format": "dpo", "threshold": 0.9}, "is an option of kto, sft, reward"),
        ({"format": "kto", "probably_wrong": True}, "is an option of dpo, sft"),
        ({"format": "reward", "probably_wrong": True}, "is an option of dpo, sft"),
        ({"format": "dpo", "margin": 0.3, "min_gap": 0.4}, "former name of min_gap"),
        ({"format": "sft", "threshold": 0.9, "min_p": 0.6}, "former name of min_p"),
        ({"format": "dpo", "min_p": 0.2}, "needs probably_wrong=true"),
        ({"format": "sft", "min_p": 0.0}, "needs probably_wrong=true"),
        ({"format": "kto", "min_p": 0.3}, "is 0.5 to 1 for kto"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(asked: dict[str, Any], message: str) -> None:
    """As a contradiction is: the file would be another than the caller thinks."""
    with pytest.raises(ValidationError, match=message):
        ExportIn(**asked)
