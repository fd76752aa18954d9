"""Runs the label models of other packages on votes; started by `label_models` in an environment
that has them.

python -m tests.benchmarks.label_models.peers IN.npz OUT.npz METHOD…   IN: votes_0, votes_1 …; OUT: METHOD_0 …,
times
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Votes = npt.NDArray[np.int8]


Found = tuple[npt.NDArray[np.float64], float]
"""P(correct) of each row, and the seconds that fitting took."""


def snorkel(votes: Votes, epochs: int = 500) -> Found:
    """Fit Snorkel's label model."""
    from snorkel.labeling.model import LabelModel

    model, votes = LabelModel(cardinality=2, verbose=False), votes.astype(int)
    start = time.perf_counter()
    model.fit(votes, n_epochs=epochs, lr=0.01, seed=0, progress_bar=False)
    seconds = time.perf_counter() - start
    return np.asarray(model.predict_proba(votes)[:, 1]), seconds


def crowd_kit(name: str) -> Callable[[Votes], Found]:
    """Return one of crowd-kit's aggregators as a function of votes; its fit and its
    probabilities are one step.
    """

    def method(votes: Votes) -> Found:
        import pandas
        from crowdkit.aggregation import GLAD, MACE, DawidSkene

        makers: dict[str, Any] = {
            "DawidSkene": lambda: DawidSkene(100),
            "GLAD": GLAD,
            "MACE": lambda: MACE(random_state=0),
        }
        task, worker = np.nonzero(votes >= 0)
        frame = pandas.DataFrame({"task": task, "worker": worker, "label": votes[task, worker]})
        start = time.perf_counter()
        found = makers[name]().fit_predict_proba(frame)
        seconds = time.perf_counter() - start
        probability = np.full(len(votes), 0.5)
        probability[found.index.to_numpy()] = found[1].to_numpy()
        return probability, seconds

    return method


METHODS: dict[str, Callable[[Votes], Found]] = {
    "Snorkel": snorkel,
    "Dawid–Skene": crowd_kit("DawidSkene"),
    "GLAD": crowd_kit("GLAD"),
    "MACE": crowd_kit("MACE"),
}


def main() -> None:
    """Run each method on each matrix, saying how far it is on standard error."""
    source, target, *names = sys.argv[1:]
    found: dict[str, Any] = {}
    times: dict[str, list[float]] = {name: [] for name in names}
    with np.load(source) as archive:
        matrices = [archive[f"votes_{place}"] for place in range(len(archive.files))]
    for place, votes in enumerate(matrices):
        for name in names:
            print(f"\r{place + 1}/{len(matrices)} {name:<12}", end="", file=sys.stderr, flush=True)
            found[f"{name}_{place}"], seconds = METHODS[name](votes)
            times[name].append(seconds)
    print(file=sys.stderr)
    np.savez(target, times=json.dumps(times), **found)


if __name__ == "__main__":
    main()
