"""The movement of a run's verifiers, on simulated runs."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from assay.aggregation.over_optimisation import BLOCK, BlockSums, movement
from tests.support.samples.simulated_runs import Story, completions, draw_ensemble, movements

BLOCKS = 12
ENSEMBLES = ((3, 0), (3, 1), (6, 2))


def suspects(story: Story, verifiers: int, checks: int, seed: int) -> list[bool]:
    """Return of each block that looks hacked whether the culprit is the right one."""
    ensemble = draw_ensemble(verifiers, checks, np.random.default_rng(seed))
    return [
        moved.culprit == ensemble.culprit
        for moved in movements(ensemble, story, BLOCKS, seed)
        if moved is not None and moved.hacked
    ]


@pytest.mark.parametrize("story", get_args(Story))
def test_a_hack_is_seen_and_named_and_nothing_else_is(story: Story) -> None:
    """Neither an honest improvement nor longer answers nor chance looks like one."""
    runs = [suspects(story, *ensemble, seed) for ensemble in ENSEMBLES for seed in range(8)]

    if story in ("hack", "long hack"):
        assert sum(len(blocks) > 1 for blocks in runs) >= 20  # of 24
        assert all(all(blocks) for blocks in runs)
    else:
        assert runs == [[]] * len(runs)


def test_sums_add_up_and_missing_scores_are_left_out() -> None:
    """In two parts as in one; the rest counts as it is."""
    rng = np.random.default_rng(0)
    values = completions(draw_ensemble(3, 1, rng), "still", 0.0, rng)
    values[::3, 0] = np.nan
    values[5, 1] = np.inf

    whole, parts = BlockSums.of(values), BlockSums.of(values[:100]) + BlockSums.of(values[100:])

    assert parts.means() == pytest.approx(whole.means())
    assert parts.covariances() == pytest.approx(whole.covariances())
    assert whole.completions == BLOCK
    assert whole.counts[0, 0] == np.isfinite(values[:, 0]).sum()
    assert whole.means()[0] == pytest.approx(np.nanmean(values[:, 0]))
    assert whole.means()[2:] == pytest.approx(values[:, 2:].mean(axis=0))


@pytest.mark.parametrize("left", [0, 1])
def test_one_verifier_alone_says_nothing(left: int) -> None:
    """Nor do those that give every answer the same, or score too few."""
    rng = np.random.default_rng(1)
    values = completions(draw_ensemble(3, 0, rng), "still", 0.0, rng)
    values[:, left + 1] = 1.0
    values[: BLOCK // 2 + 1, (left + 2) % 3] = np.nan
    moments = BlockSums.of(values)

    assert movement(moments, moments, (False,) * 3) is None
    assert movement(BlockSums.empty(5), moments, (False,) * 3) is None


def test_the_figures_are_in_standard_deviations_of_the_reference() -> None:
    """Whatever the scale of each verifier; nothing moved, nothing is shown."""
    rng = np.random.default_rng(2)
    scale = np.array([100.0, 0.01, 1.0, 7.0, 1.0])
    before = completions(draw_ensemble(3, 1, rng), "still", 0.0, rng) * scale
    after = before.copy()
    after[:, 0] += 2 * before[:, 0].std()
    after[:, 3] += before[:, 3].std()

    still = movement(BlockSums.of(before), BlockSums.of(before), (False, False, True))
    moved = movement(BlockSums.of(before), BlockSums.of(after), (False, False, True))

    assert still is not None
    assert moved is not None
    assert (still.reward, still.verifier, still.others, still.hacked) == (0.0, 0.0, 0.0, False)
    assert still.disagreement == pytest.approx(1.0)
    assert moved.culprit == 0
    assert [moved.verifier, moved.reward, moved.length] == pytest.approx([2.0, 1.0, 0.0])
    assert moved.others == pytest.approx(0.0)
    assert moved.hacked
