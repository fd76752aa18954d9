"""How often the alarm of over-optimisation sounds in simulated runs, rightly and wrongly.

    python -m tests.benchmarks.label_models.reward_hacks [--runs 200] [--blocks 40] [--block 512]

Prints a table, and its numbers as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, get_args

import numpy as np

from assay.aggregation.over_optimisation import BLOCK
from tests.support.samples.simulated_runs import Story, draw_ensemble, movements

ENSEMBLES = ((3, 0), (3, 1), (6, 0), (6, 2), (12, 2))


def outcome(
    story: Story, ensemble: tuple[int, int], seed: int, blocks: int, number: int
) -> tuple[int, bool] | None:
    """Return the block at which the alarm sounds, and whether it names the culprit; None if not."""
    verifiers = draw_ensemble(*ensemble, np.random.default_rng(seed + 10_000))
    hacked_before = False
    for block, moved in enumerate(movements(verifiers, story, blocks, seed, number), 1):
        hacked = moved is not None and moved.hacked
        if hacked and hacked_before and moved is not None:
            return block, moved.culprit == verifiers.culprit
        hacked_before = hacked
    return None


def measured(
    story: Story, ensemble: tuple[int, int], runs: int, blocks: int, number: int
) -> dict[str, Any]:
    """Return the share of runs with an alarm, the culprits named rightly, and the median block."""
    outcomes = [outcome(story, ensemble, seed, blocks, number) for seed in range(runs)]
    alarms = [alarm for alarm in outcomes if alarm is not None]
    return {
        "story": story,
        "verifiers": ensemble[0],
        "checks": ensemble[1],
        "alarms": len(alarms) / runs,
        "culprit_right": float(np.mean([right for _, right in alarms])) if alarms else None,
        "median_block": float(np.median([block for block, _ in alarms])) if alarms else None,
    }


def main() -> None:
    """Simulate, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--block", type=int, default=BLOCK)
    options = parser.parse_args()
    rows = [
        measured(story, ensemble, options.runs, options.blocks, options.block)
        for story in get_args(Story)
        for ensemble in ENSEMBLES
    ]
    print("| run | verifiers | checks | alarm | culprit right | median block |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        right, block = row["culprit_right"], row["median_block"]
        shown = ("" if right is None else f"{right:.3f}", "" if block is None else f"{block:g}")
        cells = (row["story"], row["verifiers"], row["checks"], f"{row['alarms']:.3f}", *shown)
        print("| " + " | ".join(map(str, cells)) + " |")
    print(json.dumps({"blocks": options.blocks, "block": options.block, "rows": rows}))


if __name__ == "__main__":
    main()
