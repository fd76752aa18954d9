"""The savings and losses of a cascade on labelled data, by query-wise cross-validation.

Cheaper ensembles and shortlists stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assay.aggregation.cascade.cascade import PRICE, PRICE_WITHOUT_LABELS, Cascade, first_of
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries, finite
from assay.aggregation.statistics.shard import Shard
from assay.aggregation.statistics.threads import one_blas_thread

#: lambda of the curve's points.
PRICES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
CASCADE, SUBSET, TOP_K = "cascade", "fixed subset, best value first", "top k by the first tier"


@dataclass(frozen=True, slots=True)
class Point:
    """One setting: its share of the full cost, its selection@1, and its loss beside all verifiers.

    `setting`: lambda, number of kept calls, or the share of candidates on the shortlist;
    `rounds`: tiers called; `agree`: share of queries with the pick of all verifiers;
    `loss_error`: standard error of the loss over queries.
    """

    setting: float
    cost: float
    selection: float
    loss: float
    loss_error: float
    rounds: float
    agree: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The measured points by method, the cheapest first."""

    queries: int
    labels: int
    full: float
    default_price: float
    tiers: list[list[str]]
    points: dict[str, list[Point]] = field(default_factory=dict)

    def price_for(self, loss: float) -> Point | None:
        """Return the cheapest cascade such that neither it nor a dearer one loses more, or None."""
        cheapest = None
        for point in reversed(self.points[CASCADE]):
            if point.loss > loss:
                break
            cheapest = point
        return cheapest

    def at(self, method: str, cost: float) -> Point | None:
        """Return a method's last point within a cost; None if even its first is dearer."""
        within = [point for point in self.points[method] if point.cost <= cost + 1e-9]
        return within[-1] if within else None


def cascade_curve(
    scores: npt.ArrayLike,
    query_id: npt.ArrayLike,
    labels: npt.ArrayLike,
    verifier_names: Sequence[str],
    calls: Calls,
    *,
    model: LabelModel | None = None,
    budget: int = 100,
    prices: Sequence[float] = PRICES,
    folds: int = 5,
    draws: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Curve:
    """Measure cascades, subsets and shortlists on the queries whose candidates are all labelled.

    Maps, covariances and weights come from four fifths of the queries, with `budget` labels
    drawn from them `draws` times (0: without labels); the rest measures them. A soft label is the
    chance that its candidate is correct. Raises
    `ValueError` with too few queries, or without anything to save.
    """
    shard = Shard.of(scores, query_id, labels)
    labels_by_row = shard.queries.take(np.asarray(shard.labels))
    chosen = np.flatnonzero(~np.isnan(shard.queries.sums(labels_by_row)))
    if len(chosen) < 2 * folds:
        raise ValueError(
            f"labels: {len(chosen)} queries have all candidates labelled; to evaluate takes"
            f" {2 * folds}"
        )
    rows, queries = shard.queries.rows_of(chosen), shard.queries.pick(chosen)
    table, truth = finite(shard.scores[rows]), np.asarray(shard.labels)[rows]
    names = tuple(verifier_names)
    results = _MethodResults(prices, calls)
    steps = folds * (draws if budget else 1)
    with one_blas_thread():
        for number, (train, test, labelled) in enumerate(
            _splits(queries, truth, budget, folds, draws, seed), 1
        ):
            fitted = (LabelModel() if model is None else model.unfitted()).fit(
                table[train], queries.codes()[train], labelled, verifier_names=names
            )
            cascade = Cascade.of(fitted, calls)
            if cascade is None:
                raise ValueError(
                    "costs: every call is free, or all calls are one tier: a cascade saves nothing"
                )
            results.tiers = [[names[column] for column in tier.columns] for tier in cascade.tiers]
            results.judge(cascade, table[test], truth[test], Queries.of(queries.codes()[test]))
            progress(number, steps)
    return Curve(
        queries=len(queries),
        labels=budget,
        full=results.full(),
        default_price=PRICE if budget else PRICE_WITHOUT_LABELS,
        tiers=results.tiers,
        points=results.summary(),
    )


def _splits(
    queries: Queries, truth: Floats, budget: int, folds: int, draws: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Floats | None]]:
    """Yield training rows, test rows, and labels of training rows (NaN: hidden)."""
    codes = queries.codes()
    for draw in range(draws if budget else 1):
        fold = np.random.default_rng([seed, draw]).permutation(len(queries))[codes] % folds
        for number in range(folds):
            train = fold != number
            labels = None
            if budget:
                labels = np.full(int(train.sum()), np.nan)
                rows = draw_labels(
                    Queries.of(codes[train]),
                    truth[train],
                    budget,
                    np.random.default_rng([seed, draw, number]),
                )
                labels[rows] = truth[train][rows]
            yield train, ~train, labels


class _MethodResults:
    """Figures of queries, by method and setting: cost, selected, rounds, agreed."""

    def __init__(self, prices: Sequence[float], calls: Calls) -> None:
        self.prices, self.calls = sorted(prices, reverse=True), calls
        self.tiers: list[list[str]] = []
        self._rows: dict[str, dict[float, list[tuple[float, float, float, float]]]] = {}
        self._full: list[float] = []

    def judge(self, cascade: Cascade, scores: Floats, truth: Floats, queries: Queries) -> None:
        """Enter each method's result on the queries of one split."""
        log_odds = cascade.model.score_samples(scores, queries.codes())
        priced = [cascade.with_price(price) for price in self.prices]
        order = [call for tier in cascade.tiers for call in tier.calls]
        weights = _prefixes(cascade, order, self.calls)
        for first, last in zip(queries.starts[:-1], queries.starts[1:], strict=True):
            rows = scores[first:last]
            labels = truth[first:last]
            best = _best(log_odds[first:last])
            whole = float(labels[best].mean())
            self._full.append(whole)
            for price, priced_cascade in zip(self.prices, priced, strict=True):
                got = priced_cascade.replay(rows)
                self._put(
                    CASCADE, price, got.cost, float(labels[got.best]), got.rounds, got.best in best
                )
            parts = cascade.parts(rows)
            for count, (cost, weight) in enumerate(weights, 1):
                picked = first_of(parts @ weight, rows, np.arange(len(rows)))
                self._put(SUBSET, count, cost, float(labels[picked]), 1, picked in best)
            self._shortlists(cascade, rows, labels, best, log_odds[first:last])

    def _shortlists(
        self, cascade: Cascade, rows: Floats, labels: Floats, best: Ints, log_odds: Floats
    ) -> None:
        """Enter the results of shortlists.

        The first tier that costs something picks the first few, and the rest of the
        verifiers score those.
        """
        tier = next(place for place, candidate in enumerate(cascade.tiers) if candidate.cost > 0)
        order = np.argsort(-cascade.expected(rows, tier), kind="stable")
        for share in (0.1, 0.2, 0.3, 0.5, 0.7, 1.0):
            some = order[: max(1, round(share * len(rows)))]
            values = np.nan_to_num(log_odds[some], nan=-np.inf)
            picked = int(some[values.argmax()])
            cost = cascade.cumulative_cost[tier] + (1 - cascade.cumulative_cost[tier]) * (
                len(some) / len(rows) if len(some) > 1 else 0.0
            )
            self._put(TOP_K, share, float(cost), float(labels[picked]), 2, picked in best)

    def _put(
        self, method: str, setting: float, cost: float, right: float, rounds: float, agreed: bool
    ) -> None:
        self._rows.setdefault(method, {}).setdefault(setting, []).append(
            (cost, right, rounds, float(agreed))
        )

    def full(self) -> float:
        """Return selection@1 of all verifiers."""
        return float(np.mean(self._full))

    def summary(self) -> dict[str, list[Point]]:
        """Return each method's points, the cheapest first."""
        whole = np.array(self._full)
        by_method: dict[str, list[Point]] = {}
        for method, settings in self._rows.items():
            points = []
            for setting, rows in settings.items():
                cost, right, rounds, agreed = np.array(rows).T
                lost = whole - right
                error = float(lost.std(ddof=1) / np.sqrt(len(lost))) if len(lost) > 1 else 0.0
                points.append(
                    Point(
                        setting=setting,
                        cost=float(cost.mean()),
                        selection=float(right.mean()),
                        loss=float(lost.mean()),
                        loss_error=error,
                        rounds=float(rounds.mean()),
                        agree=float(agreed.mean()),
                    )
                )
            by_method[method] = sorted(points, key=lambda point: point.cost)
        return by_method


def _best(log_odds: Floats) -> Ints:
    """Return the places that all verifiers put first."""
    values = np.round(np.nan_to_num(log_odds, nan=-np.inf), 12)
    return np.flatnonzero(values == values.max())


def _prefixes(cascade: Cascade, order: Sequence[int], calls: Calls) -> list[tuple[float, Floats]]:
    """Return cost and weights of the first call, the first two, …: the expected sum given those."""
    columns: list[int] = []
    prefixes, total = [], 0.0
    for call in order:
        columns += calls.columns[call]
        total += calls.costs[call]
        prefixes.append((total / calls.total, cascade.weights_of(columns)))
    return prefixes
