"""The alarm of a run in the store."""

from __future__ import annotations

import pytest

from assay.service.domain.run_alarm import RunAlarm, alarm_as_stored, alarm_of

ALARM = RunAlarm(
    state="alarm", since=5.0, completions=1536, culprit="judge", figures={"reward": 0.7}
)


@pytest.mark.parametrize("alarm", [ALARM, RunAlarm()])
def test_an_alarm_comes_back_as_it_was_kept(alarm: RunAlarm) -> None:
    """Also the one of a run that has just begun."""
    assert alarm_of(alarm_as_stored(alarm)) == alarm
    assert alarm.sounds == (alarm is ALARM)


@pytest.mark.parametrize(
    "damage",
    [
        (b'"alarm"', b'"loud"'),
        (b"5.0", b'"5"'),
        (b"1536", b"1.5"),
        (b'"judge"', b"7"),
        (b'{"reward":0.7}', b"[]"),
        (b"0.7", b"null"),
    ],
)
def test_a_damaged_alarm_is_a_value_error(damage: tuple[bytes, bytes]) -> None:
    """Another type of any field."""
    stored = alarm_as_stored(ALARM)
    assert damage[0] in stored

    with pytest.raises(ValueError, match="other types"):
        alarm_of(stored.replace(*damage))
