"""A run's sums, block after block, and in the store."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.over_optimisation import BLOCK, BlockSums
from assay.service.domain.run_alarm import RunAlarm
from assay.service.learning.runs.watched_run import WatchedColumns, WatchedRun, watched_run
from tests.support.samples.simulated_runs import Ensemble, Story, completions, draw_ensemble

RNG = np.random.default_rng(0)
ENSEMBLE = draw_ensemble(3, 1, RNG)
NAMES = ("a", "b", "c")
COLUMNS = WatchedColumns(NAMES, ENSEMBLE.checks)


def block(story: Story, progress: float, number: int = BLOCK, of: Ensemble = ENSEMBLE) -> BlockSums:
    """Return the sums of simulated completions."""
    rng = np.random.default_rng(int(100 * progress))
    return BlockSums.of(completions(of, story, progress, rng, number))


def test_the_alarm_sounds_after_two_blocks_and_ends_with_a_good_one() -> None:
    """With the culprit's name, the time, and the figures."""
    run = WatchedRun.begun(COLUMNS)
    states: list[RunAlarm] = []
    for at, progress in enumerate((0.0, 0.0, 1.0, 1.0, 1.0, 0.0)):
        run = run.with_more(block("long hack", progress), 10.0 * at)
        states.append(run.alarm)

    culprit = NAMES[ENSEMBLE.culprit]
    assert [alarm.state for alarm in states] == [
        "quiet", "quiet", "suspected", "alarm", "alarm", "quiet"
    ]  # fmt: skip
    assert [alarm.since for alarm in states] == [0.0, 0.0, 20.0, 30.0, 30.0, 50.0]
    assert [alarm.culprit for alarm in states] == [None, None, culprit, culprit, culprit, None]
    assert states[-1].completions == 6 * BLOCK
    assert states[3].figures["verifier"] > 1.0 > states[3].figures["others"]


def test_a_block_is_compared_when_it_is_full() -> None:
    """Whatever the parts that it comes in."""
    run = WatchedRun.begun(COLUMNS)
    for _ in range(3):
        run = run.with_more(block("still", 0.0, BLOCK // 2 - 1), 1.0)

    assert (run.alarm.state, run.alarm.completions) == ("quiet", 3 * (BLOCK // 2 - 1))
    assert run.block.completions == 0
    assert WatchedRun.begun(COLUMNS).with_more(block("still", 0.0, 9), 1.0).alarm == RunAlarm(
        completions=9
    )


def test_verifiers_that_tell_nothing_apart_make_it_unclear() -> None:
    """No figures are made up."""
    flat = BlockSums.of(np.ones((BLOCK, COLUMNS.width)))
    run = WatchedRun.begun(COLUMNS).with_more(flat, 1.0).with_more(flat, 2.0)

    assert (run.alarm.state, run.alarm.since, run.alarm.figures) == ("unclear", 2.0, {})


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_a_run_comes_back_as_it_was_kept(blocks: int) -> None:
    """With a reference and without."""
    run = WatchedRun.begun(COLUMNS)
    for _ in range(blocks):
        run = run.with_more(block("still", 0.0), 1.0).with_more(block("still", 0.0, 7), 1.0)

    again = watched_run(run.as_stored(), run.alarm)

    assert again.as_stored() == run.as_stored()
    assert (again.columns, again.alarm) == (run.columns, run.alarm)
    assert (again.reference is None) == (run.reference is None) == (blocks == 0)
    assert again.block.completions == run.block.completions


@pytest.mark.parametrize(
    "damage",
    [
        (b'{"names"', b"x"),
        (b'"names":["a"', b'"names":[1'),
        (b'"a",', b""),
        (b'"reference":false', b'"reference":true'),
        (b"\n", b"\nx"),
        (b"\0" * 8, b"\xff" * 8),  # NaN
    ],
)
def test_a_damaged_run_is_a_value_error(damage: tuple[bytes, bytes]) -> None:
    """Also one of another size."""
    stored = WatchedRun.begun(COLUMNS).as_stored()
    assert damage[0] in stored

    with pytest.raises(ValueError, match=r".+"):
        watched_run(stored.replace(*damage, 1), RunAlarm())
