"""Signs that labels are of chosen candidates."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.comparison.choice_weights import pick_weights
from assay.aggregation.comparison.draw_signs import DrawSigns, LabelledPicks, draw_signs
from assay.aggregation.comparison.label_chances import Flags
from assay.aggregation.comparison.system_comparison import (
    ComparedCandidates,
    SystemComparison,
    compare_systems,
)
from assay.aggregation.statistics.queries import Queries

SIZE = 6


class Picks:
    """Four systems of one quality choose among six candidates a query; A's predictions are used."""

    def __init__(self, seed: int, queries: int = 300, size: int = SIZE) -> None:
        self.random = np.random.default_rng(seed)
        self.codes = np.repeat(np.arange(queries), size)
        self.truth = (self.random.random(queries * size) < 0.5).astype(float)
        self.scores = [self.truth + self.random.normal(size=len(self.truth)) for _ in range(4)]
        grouped = Queries.of(self.codes)
        self.weights = [pick_weights(scores, grouped) for scores in self.scores]

    def drawn(self, per_query: int = 1, share: float = 1.0) -> Flags:
        """Return labels of random candidates of random queries."""
        order = np.lexsort((self.random.random(len(self.codes)), self.codes))
        known = np.zeros(len(self.codes), bool)
        ranks = np.arange(len(self.codes)) % (len(self.codes) // (self.codes[-1] + 1))
        known[order[ranks < per_query]] = True
        return np.asarray(known & (self.random.random(self.codes[-1] + 1) < share)[self.codes])

    def of_picks(self, *systems: int) -> Flags:
        """Return labels of the picks of these systems."""
        return np.asarray(np.any([self.weights[system] > 0 for system in systems], axis=0))

    def compared(self, first: int, second: int, known: Flags) -> SystemComparison:
        """Return the comparison of two systems by these labels."""
        every = np.ones(len(self.codes), bool)
        return compare_systems(
            ComparedCandidates(
                self.codes,
                np.where(known, self.truth, np.nan),
                self.scores[first] + self.scores[second],
                (self.weights[first], self.weights[second]),
                (every, every),
            )
        )

    def accuracy(self, system: int) -> float:
        """Return the share of queries in which a system's pick is right."""
        return float(self.weights[system] @ self.truth / (self.codes[-1] + 1))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_of_one_systems_picks_give_its_accuracy_alone(seed: int) -> None:
    """The other's is not estimated, nor which is better; in either order."""
    world = Picks(seed)

    comparison = world.compared(0, 1, world.of_picks(0))
    turned = world.compared(1, 0, world.of_picks(0))

    first, second = comparison.accuracy
    assert first.powered is not None
    assert first.powered.low <= world.accuracy(0) <= first.powered.high
    assert second.powered is None
    assert comparison.difference.powered is None
    assert comparison.decision == turned.decision == "open"
    assert comparison.unusable == (False, True)
    assert turned.unusable == (True, False)
    of_first = comparison.draws[1].picks[0]
    assert (of_first.queries, of_first.labelled) == (300, 300)
    assert of_first.expected == pytest.approx(50)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_of_two_systems_picks_do_not_name_a_winner_over_a_third(seed: int) -> None:
    """They decide between the two."""
    world = Picks(seed)

    reused = world.compared(0, 2, world.of_picks(0, 1))
    own = world.compared(0, 1, world.of_picks(0, 1))

    assert reused.decision == "open"
    assert reused.unusable == (False, True)
    assert reused.accuracy[1].powered is None
    assert own.unusable == (False, False)
    assert own.whole
    assert own.difference.powered is not None
    true = world.accuracy(1) - world.accuracy(0)
    assert own.difference.powered.low <= true <= own.difference.powered.high


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_of_the_top_by_a_third_system_give_nothing(seed: int) -> None:
    """Labelled candidates are predicted higher than others."""
    world = Picks(seed)

    comparison = world.compared(0, 1, world.of_picks(2))

    assert comparison.unusable == (True, True)
    assert comparison.difference.powered is None
    assert [of.powered for of in comparison.accuracy] == [None, None]
    assert comparison.draws[0].predictions > 4


def test_labels_of_picks_and_a_few_of_random_candidates() -> None:
    """No chance is known of either kind."""
    world = Picks(4)
    known = world.of_picks(0) & (world.codes < 200) | world.drawn() & (world.codes >= 200)

    assert world.compared(0, 1, known).unusable == (True, True)


@pytest.mark.parametrize(("per_query", "size"), [(1, 2), (1, 6), (2, 6), (5, 6)])
def test_random_labels_are_taken_for_random(per_query: int, size: int) -> None:
    """In 100 worlds; three tests at one of a thousand leave room for very few."""
    found = 0
    for seed in range(100):
        world = Picks(1000 + seed, queries=80, size=size)
        found += any(world.compared(0, 1, world.drawn(per_query, 0.7)).unusable)

    assert found <= 1


def test_a_systems_own_candidates_are_judged_alone() -> None:
    """Chosen labels of the other's say nothing of it."""
    world = Picks(5)
    first = np.arange(len(world.codes)) % SIZE < 3
    grouped = Queries.of(world.codes)
    chosen = pick_weights(np.where(first, world.scores[0], -np.inf), grouped) > 0
    known = chosen | world.drawn() & ~first
    sides: list[DrawSigns] = [
        draw_signs(known, pool, world.codes, (first, ~first), world.scores[0])
        for pool in (first, ~first)
    ]

    assert sides[0].chosen
    assert not sides[1].chosen


def test_labels_of_what_is_predicted_high_or_stands_first() -> None:
    """The order alone is a sign of its own: candidates may be in random order."""
    world = Picks(6)
    places = np.arange(len(world.codes)) % SIZE
    nothing = np.zeros(len(world.codes), bool)

    predicted = draw_signs(
        world.of_picks(0), ~nothing, world.codes, (nothing, nothing), world.scores[0]
    )
    placed = draw_signs(places == 0, ~nothing, world.codes, (nothing, nothing), world.scores[0])

    assert predicted.chosen
    assert not predicted.by_place
    assert placed.by_place
    assert not placed.chosen


def test_queries_that_are_labelled_in_whole_or_not_at_all_show_nothing() -> None:
    """There is nothing to choose there."""
    world = Picks(7)
    every = np.ones(len(world.codes), bool)

    assert (
        draw_signs(world.codes < 100, every, world.codes, (every, every), world.scores[0])
        == DrawSigns()
    )


def test_how_many_labelled_picks_chance_explains() -> None:
    """Few and many are unlikely; ties count by the chance that one of them is labelled."""
    assert LabelledPicks(20, 20, 5.0).unlikely
    assert LabelledPicks(100, 10, 50.0).unlikely
    assert not LabelledPicks(5, 5, 2.5).unlikely
    assert not LabelledPicks(100, 60, 50.0).unlikely
    codes, every = np.zeros(4, np.int64), np.ones(4, bool)
    tied, known = np.array([1, 1, 0, 0], bool), np.array([1, 0, 0, 0], bool)

    found = draw_signs(known, every, codes, (tied, ~tied), np.full(4, np.nan))

    assert found.picks == (LabelledPicks(1, 1, 0.5), LabelledPicks(1, 0, 0.5))


def repeated_texts(seed: int, known: bool) -> ComparedCandidates:
    """Return candidates whose right answers share one text; a random draw labels each query."""
    random = np.random.default_rng(seed)
    right = random.random((300, 4)) < 0.4
    drawn = random.integers(4, size=300)
    drawn_right = right[np.arange(300), drawn]
    labelled = (right & drawn_right[:, None]) | (np.arange(4) == drawn[:, None])
    codes = np.repeat(np.arange(300), 4)
    first = np.tile([1.0, 0, 0, 0], 300)
    every = np.ones(1200, bool)
    repeated = (right & (right.sum(axis=1) > 1)[:, None]).ravel()
    return ComparedCandidates(
        codes,
        np.where(labelled, right, np.nan).ravel(),
        (right + random.normal(scale=0.3, size=right.shape)).ravel(),
        (first, np.roll(first, 1)),
        (every, every),
        repeated=repeated if known else None,
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_label_of_a_text_that_occurs_twice_is_no_sign(seed: int) -> None:
    """Right answers are alike more often, so that labels by text are more often of right ones."""
    unknown, known = (
        compare_systems(repeated_texts(seed, known=known)).draws[0] for known in (False, True)
    )

    assert unknown.chosen
    assert not known.chosen
