"""Populations for which comparisons are made, and samples of them with few labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from assay.aggregation import LabelModel
from assay.aggregation.comparison.choice_weights import pick_weights
from assay.aggregation.comparison.label_chances import Flags
from assay.aggregation.comparison.system_comparison import ComparedCandidates
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries
from tests.benchmarks.protocol import leading_word, real_sets

LABELS = (25, 50, 100, 200, 400)
QUALITIES = ("perfect", "good", "useless", "turned", "biased")
BASE_RATES = (0.05, 0.2, 0.5, 0.8, 0.95)
QUERIES, PER_QUERY, GAINS, SPREADS = (200, 1000, 5000), (1, 2, 4), (0.0, 0.5, 2.0), (0.0, 2.0)
BY = ("pick", "candidates")
SIZE, POPULATION = 4, 40_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One population and how it is sampled; `gain`: how much better the second system is.

    `design`: labels are of random candidates of random queries, of both picks of random queries, or
    of both picks of random queries where they differ.
    """

    labels: int
    quality: str
    base_rate: float
    queries: int
    per_query: int
    gain: float
    spread: float
    by: str
    design: str = "candidates"


@dataclass(frozen=True, slots=True)
class World:
    """Labels, predictions and both systems' weights of all queries, shape (queries, candidates).

    `pools`: whether each system has candidates of its own.
    """

    labels: Floats
    predictions: Floats
    weights: tuple[Floats, Floats]
    own: bool

    def truth(self) -> tuple[float, float, float]:
        """Return the accuracy of both, and the difference."""
        first, second = ((of * self.labels).sum(axis=1).mean() for of in self.weights)
        return float(first), float(second), float(second - first)


def cells() -> Iterator[Cell]:
    """Yield every count of labels, quality and base rate, the rest in turns; then other designs."""
    grid = itertools.product(LABELS, QUALITIES, BASE_RATES)
    for place, (labels, quality, base_rate) in enumerate(grid):
        yield Cell(
            labels,
            quality,
            base_rate,
            QUERIES[place % 3],
            PER_QUERY[place // 2 % 3],
            GAINS[place // 3 % 3],
            SPREADS[place // 7 % 2],
            BY[place // 11 % 2],
        )
    for design, labels, quality in itertools.product(
        ("picks", "differ"), (50, 200), ("good", "biased")
    ):
        yield Cell(labels, quality, 0.5, 1000, 2, 0.5, 2.0, "pick", design)


def simulated_world(cell: Cell, random: np.random.Generator) -> World:
    """Return a population of a cell's kind."""
    own = cell.by == "candidates"
    shape = (POPULATION, SIZE)
    difficulty = random.normal(size=(POPULATION, 1)) * cell.spread
    log_odds = logit(cell.base_rate) + difficulty
    if own:  # two generators' candidates side by side, the second's better
        log_odds = np.repeat(np.hstack([log_odds, log_odds + cell.gain]), SIZE // 2, axis=1)
    labels = (random.random(shape) < expit(log_odds)).astype(float)
    noise = random.normal(size=shape)
    if own:
        side = np.arange(SIZE) >= SIZE // 2
        weights = (
            np.tile(2.0 / SIZE * ~side, (POPULATION, 1)),
            np.tile(2.0 / SIZE * side, (POPULATION, 1)),
        )
    else:
        scores = (
            labels + noise,
            (1 + cell.gain) * labels + 0.8 * noise + 0.6 * random.normal(size=shape),
        )
        weights = (_picks(scores[0]), _picks(scores[1]))
    good = expit(3 * (labels - 0.5) + 1.2 * random.normal(size=shape) + logit(cell.base_rate))
    predictions = {
        "perfect": labels,
        "good": good,
        "useless": random.random(shape),
        "turned": 1 - good,
        "biased": 0.5 + 0.5 * good,
    }[cell.quality]
    return World(labels, predictions, weights, own)


def _picks(scores: Floats) -> Floats:
    queries = Queries.of(np.repeat(np.arange(len(scores)), scores.shape[1]))
    return pick_weights(scores.ravel(), queries).reshape(scores.shape)


def labelled(world: World, chosen: Ints, cell: Cell, random: np.random.Generator) -> Flags:
    """Return which candidates of the chosen queries have a label."""
    first, second = (of[chosen] for of in world.weights)
    known = np.zeros(first.shape, bool)
    if cell.design == "candidates":
        size = world.labels.shape[1]
        per_query = min(cell.per_query, size)
        asked = min(len(chosen), max(1, round(cell.labels / per_query)))
        places = np.argsort(random.random((asked, size)), axis=1)[:, :per_query]
        known[np.arange(asked)[:, None], places] = True
        return known
    kind = (first != second).any(axis=1) | (cell.design == "picks")
    queries = np.flatnonzero(kind)[: cell.labels // 2]
    known[queries] = (first + second)[queries] > 0
    return known


def sampled(world: World, cell: Cell, random: np.random.Generator) -> ComparedCandidates:
    """Return a sample of queries, with labels of a few random candidates of the first ones."""
    chosen = random.integers(0, len(world.labels), cell.queries)
    size = world.labels.shape[1]
    known = labelled(world, chosen, cell, random)
    side = np.tile(np.arange(size) >= size // 2, cell.queries)
    everywhere = np.ones(len(side), bool)
    return ComparedCandidates(
        np.repeat(np.arange(cell.queries), size),
        np.where(known, world.labels[chosen], np.nan).ravel(),
        world.predictions[chosen].ravel(),
        (world.weights[0][chosen].ravel(), world.weights[1][chosen].ravel()),
        (~side, side) if world.own else (everywhere, everywhere),
    )


def real_worlds(folder: Path) -> Iterator[tuple[str, World]]:
    """Yield the real sets whose queries have one number of candidates.

    Predictions are the label-free model's chances; it is one system, and the other the verifier
    that picks best by the labels.
    """
    for data in real_sets(folder, leading_word):
        sizes = data.queries.sizes
        whole = np.flatnonzero(sizes == np.bincount(sizes).argmax())
        rows, shape = data.queries.rows_of(whole), (len(whole), -1)
        model = LabelModel(families=data.families).fit(
            data.scores, data.codes, verifier_names=data.names
        )
        ours = model.score_samples(data.scores, data.codes)[rows].reshape(shape)
        labels = data.labels[rows].reshape(shape)
        alone = [_picks(column[rows].reshape(shape)) for column in data.scores.T]
        best = max(alone, key=lambda picks: float((picks * labels).sum()))
        yield (
            data.name,
            World(labels, np.nan_to_num(expit(ours), nan=0.5), (best, _picks(ours)), False),
        )


def simulated_worlds() -> Iterator[tuple[str, World, Cell]]:
    """Yield the population of every cell."""
    for number, cell in enumerate(cells()):
        yield "simulated", simulated_world(cell, np.random.default_rng([number, 1])), cell


def real_cells(folder: Path) -> Iterator[tuple[str, World, Cell]]:
    """Yield every real set with each number of labels, one or all candidates of a query."""
    for name, world in real_worlds(folder):
        rate, queries = round(float(world.labels.mean()), 2), len(world.labels)
        for labels, per_query in itertools.product(LABELS, (1, world.labels.shape[1])):
            yield name, world, Cell(labels, "model", rate, queries, per_query, 0.0, 0.0, "pick")
