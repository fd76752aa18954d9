"""Whether a run looks like over-optimisation, as its task keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

import orjson

from assay.service.domain.stored_values import json_object

#: reference: the first completions, with which later ones are compared, are still coming.
#: unclear: fewer than two verifiers tell answers apart. quiet: nothing is wrong. suspected: the
#: last block of completions looks hacked. alarm: so did the one before, by the same verifier.
AlarmState = Literal["reference", "unclear", "quiet", "suspected", "alarm"]
ALARM_STATES: tuple[AlarmState, ...] = get_args(AlarmState)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAlarm:
    """The state of a run's alarm.

    `since`: seconds since 1970 when the state began. `completions`: those that were counted.
    `culprit`: the verifier that the policy learned to please, where one is suspected.
    `figures`: rises since the reference, in its standard deviations, by name: `reward`, `length`,
    `verifier` (the culprit's), `others` (the checks', or without any the other verifiers'),
    `excess` (the culprit's beyond what the others explain); and `disagreement`, how many times the
    reference's the mean square distance of the culprit from the others is.
    """

    state: AlarmState = "reference"
    since: float | None = None
    completions: int = 0
    culprit: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def sounds(self) -> bool:
        """Return whether the run looks like over-optimisation."""
        return self.state == "alarm"


def alarm_as_stored(alarm: RunAlarm) -> bytes:
    """Return an alarm as the store keeps it."""
    return orjson.dumps(alarm)


def alarm_of(value: bytes) -> RunAlarm:
    """Return a stored alarm, ignoring a later release's additions.

    Raises `ValueError` for a damaged one.
    """
    fields = json_object(value)
    state, since, completions = (fields.get(name) for name in ("state", "since", "completions"))
    culprit, figures = fields.get("culprit"), fields.get("figures")
    if (
        state not in ALARM_STATES
        or not (since is None or _is_number(since))
        or not isinstance(completions, int)
        or not (culprit is None or isinstance(culprit, str))
        or not isinstance(figures, dict)
        or not all(map(_is_number, figures.values()))
    ):
        raise ValueError("an alarm of other types")
    return RunAlarm(
        state=cast(AlarmState, state),
        since=since,
        completions=completions,
        culprit=culprit,
        figures=figures,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
