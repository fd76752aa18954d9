"""The switch for scores that are no probabilities: withhold them, or give the number."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

Uncalibrated = Literal["null", "number"]


def _null_as_a_word(value: Any) -> Any:
    """Return a null that somebody wrote as the word; YAML and JSON read `null` as one."""
    return "null" if value is None else value


#: As a configuration or a request states it; a field's default None means that nobody stated it.
StatedUncalibrated = Annotated[Uncalibrated | None, BeforeValidator(_null_as_a_word)]
