"""Our label model beside others: real ensembles, synthetic ones with known truth, and speed.

    python -m tests.benchmarks.label_models --data DIR [--peers PYTHON] [--draws 10] [--synthetic]
    [--speed 1000000]

DIR holds npz files of scores and labels; PYTHON is that of an environment with the other packages
(`install_peers.sh`). Prints tables, and one line of JSON at the end. Read times as ratios: machines
differ.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import expit

from assay.aggregation import DEFAULT, FIRST, LabelModel
from assay.aggregation.averages.baselines import BASELINES
from assay.aggregation.evaluation.measures import auc
from assay.aggregation.label_model.families import family_by_name
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints
from tests.benchmarks.label_models.votes import flying_squid, votes_of, weaver_without_labels
from tests.benchmarks.protocol import (
    DataSet,
    Method,
    Result,
    draw,
    leading_word,
    measure,
    named_sets,
    ours,
    real_sets,
)

COLUMNS = ("selection", "gain", "gap_closed", "worst", "auc", "brier", "ece", "seconds")
console = Console(width=120, highlight=False)
Row = dict[str, Any]


def label_free(score: Callable[[DataSet], Floats], probable: bool) -> Method:
    """Return a method that reads no labels."""

    def method(data: DataSet, rows: Ints) -> tuple[Floats, Floats | None]:
        scores = score(data)
        return scores, scores if probable else None

    return method


def timed(name: str, method: Method, sets: list[DataSet], labels: int = 0, draws: int = 1) -> Row:
    """Return a method's row of a table."""
    start = time.perf_counter()
    result = measure(method, sets, labels, draws)
    seconds = (time.perf_counter() - start) / (draws if labels else 1)
    return {
        "method": name,
        "labels": labels,
        **result.summary(),
        "seconds": seconds,
        "per_set": per_set(result, sets),
    }


def per_set(result: Result, sets: list[DataSet]) -> dict[str, float]:
    """Return selection@1 by data set."""
    return {
        data.name: round(float(value), 4)
        for data, value in zip(sets, result.selection, strict=True)
    }


def robust_average(data: DataSet) -> Floats:
    """Return the published robust average, the label-free score without any trust in the fit."""
    model = data.model(FIRST).fit(data.scores, data.codes, verifier_names=data.names)
    terms = replace(model.base_, trust=0.0).terms(model.maps_.units(data.scores), None)
    return np.asarray(terms.sum(axis=1))


def _on_itself(fit: Any, data: Any) -> Any:
    """Return a baseline's scores of the data that set its ranges."""
    return fit(data.scores, data.scores, data.queries)


def references(sets: list[DataSet]) -> list[Row]:
    """Return the rows of the methods without a label model."""
    rows = [
        timed(
            name,
            label_free(partial(_on_itself, fit), probable),
            sets,
        )
        for name, (fit, probable) in BASELINES.items()
    ]
    best = [max(data.selection(column).mean() for column in data.scores.T) for data in sets]
    naive, reference = (
        np.array([values.mean() for values in (getattr(data, kind) for data in sets)])
        for kind in ("naive", "reference")
    )
    for name, selection in (
        ("best single verifier (chosen with all labels)", np.array(best)),
        ("supervised, all labels", reference),
    ):
        nothing = np.full(len(sets), np.nan)
        result = Result(selection, naive, reference, nothing, nothing, nothing)
        rows.append(
            {
                "method": name,
                "labels": 0,
                **result.summary(),
                "seconds": np.nan,
                "per_set": per_set(result, sets),
            }
        )
    return rows


def others(sets: list[DataSet], python: str | None, names: Sequence[str]) -> list[Row]:
    """Return the rows of label models that work on votes."""
    rows = [
        timed(
            "FlyingSquid-style triplets",
            label_free(lambda data: flying_squid(data.scores), True),
            sets,
        ),
        timed(
            "Weaver-style, no labels",
            label_free(lambda data: weaver_without_labels(data.scores), True),
            sets,
        ),
    ]
    if python is None:
        console.print(
            "[dim]without --peers PYTHON: Snorkel, Dawid–Skene, GLAD and MACE are left out[/dim]"
        )
        return rows
    found, times = run_peers(python, [votes_of(data.scores) for data in sets], names)
    for name in names:
        probabilities = {
            data.name: probability for data, probability in zip(sets, found[name], strict=True)
        }
        row = timed(name, label_free(lambda data, said=probabilities: said[data.name], True), sets)  # type: ignore[misc]
        rows.append({**row, "seconds": sum(times[name])})
    return rows


def run_peers(
    python: str, votes: list[Any], names: Sequence[str]
) -> tuple[dict[str, list[Floats]], dict[str, list[float]]]:
    """Return other packages' results from votes, and the seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "votes.npz", Path(folder) / "found.npz"
        np.savez(source, **{f"votes_{place}": each for place, each in enumerate(votes)})
        subprocess.run(
            [python, "-m", "tests.benchmarks.label_models.peers", source, target, *names],
            check=True,
        )
        with np.load(target) as archive:
            found = {
                name: [archive[f"{name}_{place}"] for place in range(len(votes))] for name in names
            }
            return found, json.loads(str(archive["times"]))


def stated(kind: str, seed: int) -> Callable[[DataSet], dict[str, float | str]]:
    """Return statements about verifiers: their AUC with an error of sd 0.05, three right tiers,
    or a ranking that is noise.
    """

    def state(data: DataSet) -> dict[str, float | str]:
        random = np.random.default_rng([seed, len(data.scores)])
        quality = np.array([auc(column, data.labels) for column in data.scores.T])
        if kind == "AUC ± 0.05":
            said: list[float | str] = np.clip(
                quality + 0.05 * random.standard_normal(len(quality)), 0, 1
            ).tolist()
        elif kind == "tiers":
            place = quality.argsort().argsort() * 3 // len(quality)
            said = [("low", "medium", "high")[each] for each in place]
        else:
            said = random.permutation(np.linspace(0.55, 0.85, len(quality))).tolist()
        return dict(zip(data.names, said, strict=True))

    return state


def with_statements(kind: str, sets: list[DataSet], draws: int) -> Row:
    """Return the row of our model without labels, averaged over draws of the statement."""
    start = time.perf_counter()
    results = [measure(ours(DEFAULT, stated(kind, seed)), sets) for seed in range(draws)]
    mean = Result(*np.mean([list(vars(result).values()) for result in results], axis=0))
    seconds = (time.perf_counter() - start) / draws
    return {
        "method": f"Assay, stated: {kind}",
        "labels": 0,
        **mean.summary(),
        "seconds": seconds,
        "per_set": per_set(mean, sets),
    }


def borrowed(sets: list[DataSet], draws: int, lent: int = 100) -> list[Row]:
    """Return rows for the sets whose verifiers have the same names: alone, and starting from the
    others' `lent` labels.
    """
    some = [data for data in sets if sum(data.names == other.names for other in sets) > 1]
    models: dict[tuple[str, int], LabelModel] = {}

    def start_from_others(data: DataSet, rows: Ints) -> tuple[Floats, Floats]:
        seed = int(rows.sum()) % draws
        others = [other for other in some if other is not data and other.names == data.names]
        for other in others:
            if (other.name, seed) not in models:
                labels = np.full(len(other.scores), np.nan)
                chosen = draw(other, lent, (seed, lent, 1))
                labels[chosen] = other.labels[chosen]
                models[other.name, seed] = other.model(DEFAULT).fit(
                    other.scores, other.codes, labels, verifier_names=other.names
                )
        labels = np.full(len(data.scores), np.nan)
        labels[rows] = data.labels[rows]
        model = LabelModel(
            families=data.families, borrow=[models[other.name, seed] for other in others]
        )
        log_odds = model.fit(
            data.scores, data.codes, labels, verifier_names=data.names
        ).score_samples(data.scores, data.codes)
        return log_odds, expit(log_odds)

    rows = []
    for labels in (25, 50, 100):
        rows.append(timed(f"Assay, {labels} labels", ours(DEFAULT), some, labels, draws))
        rows.append(
            timed(
                f"Assay, {labels} labels + {lent} in each other task",
                start_from_others,
                some,
                labels,
                draws,
            )
        )
    show(f"borrowing: {', '.join(data.name for data in some)}", rows)
    return rows


def show(title: str, rows: list[Row]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("method", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        cells = [
            ""
            if np.isnan(row[column])
            else f"{row[column]:{'+' if column in ('gain', 'worst', 'gap_closed') else ''}.3f}"
            for column in COLUMNS
        ]
        table.add_row(
            row["method"], *cells, style="bold" if row["method"].startswith("Assay") else None
        )
    console.print(table)
    console.print()


def real(folder: Path, python: str | None, draws: int) -> dict[str, list[Row]]:
    """Measure on real data sets."""
    sets, published = real_sets(folder, family_by_name), real_sets(folder, leading_word)
    if not sets:
        raise SystemExit(f"{folder}: no npz file with labels")
    title = f"{len(sets)} real ensembles"
    free = [*references(sets), *others(sets, python, ("Dawid–Skene", "MACE", "GLAD", "Snorkel"))]
    free.append(
        timed("as first published, robust average", label_free(robust_average, False), published)
    )
    free += [
        timed("as first published, no labels", ours(FIRST), published),
        timed("Assay, no labels", ours(DEFAULT), sets),
    ]
    show(
        f"{title}, no labels read (gain: against the mean of z-scores; worst: the worst set)", free
    )
    some: list[Row] = []
    for labels in track((25, 50, 100), "labels", console=Console(stderr=True)):
        some.append(
            timed(f"as first published, {labels} labels", ours(FIRST), published, labels, draws)
        )
        some.append(timed(f"Assay, {labels} labels", ours(DEFAULT), sets, labels, draws))
    show(
        f"{title}, random labels, 4 of a query, mean of {draws} draws, judged on queries without labels",
        some,
    )
    said = [
        with_statements(kind, sets, draws)
        for kind in ("AUC ± 0.05", "tiers", "a ranking that is noise")
    ]
    show(
        f"{title}, no labels, a stated quality for each verifier, mean of {draws} draws of the statement",
        said,
    )
    lent = borrowed(sets, draws) if len({data.names for data in sets}) < len(sets) else []
    return {"label_free": free, "labels": some, "stated": said, "borrowed": lent}


def synthetic() -> dict[str, Any]:
    """Measure on the named scenarios, where the truth is known."""
    sets, rates = [], []
    for data, sample in track(named_sets(), "scenarios", total=38, console=Console(stderr=True)):
        sets.append(data)
        model = data.model(DEFAULT).fit(data.scores, data.codes, verifier_names=data.names)
        rates.append((sample.name, model.trust_.value, model.base_rate_, float(data.labels.mean())))
    rows = [
        *references(sets)[:4],
        timed("as first published, no labels", ours(FIRST), sets),
        timed("Assay, no labels", ours(DEFAULT), sets),
    ]
    rows += [
        timed(
            f"Assay, {labels} labels",
            ours(DEFAULT),
            [data for data in sets if len(data.queries) > 60],
            labels,
            1,
        )
        for labels in (25, 100)
    ]
    show(f"{len(sets)} synthetic sets (19 scenarios, two seeds), families given", rows)
    independent = [
        (found, true)
        for name, trust, found, true in rates
        if trust > 0.99 and not name.startswith(("03", "13", "20"))
    ]
    errors = [abs(found - true) for found, true in independent]
    console.print(
        f"base rate from third moments, {len(errors)} sets with full trust: mean error {np.mean(errors):.3f}, largest {max(errors):.3f}\n"
    )
    return {"methods": rows, "base_rates": rates}


def speed(rows: int, python: str | None, verifiers: int = 20) -> dict[str, float]:
    """Time one fit of many rows, with Snorkel's beside it, and one query's prediction."""
    random = np.random.default_rng(0)
    truth = random.random(rows) < 0.5
    scores = truth[:, None] + random.standard_normal((rows, verifiers), dtype=np.float32)
    scores[random.random(scores.shape, dtype=np.float32) < 0.05] = np.nan
    query = np.repeat(np.arange(-(-rows // 20)), 20)[:rows]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    start = time.perf_counter()
    model = LabelModel().fit(scores, query)
    ours_s = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    start = time.perf_counter()
    expit(model.score_samples(scores, query))
    predict_s = time.perf_counter() - start
    wide = LabelModel().fit(
        scores[:20_000].repeat(2, axis=1),
        query[:20_000],
        np.where(random.random(20_000) < 0.01, truth[:20_000], -1),
    )
    one, of_one = scores[:64].repeat(2, axis=1), np.zeros(64, int)
    start = time.perf_counter()
    for _ in range(200):
        wide.score_samples(one, of_one)
    single_ms = (time.perf_counter() - start) / 200 * 1e3
    found = {
        "rows": rows,
        "verifiers": verifiers,
        "fit_s": ours_s,
        "predict_s": predict_s,
        "peak_mib": peak,
        "before_mib": before,
        "query_ms": single_ms,
    }
    console.print(
        f"{rows:,} rows x {verifiers} verifiers: fit {ours_s:.2f} s, predict {predict_s:.2f} s, peak {peak:.0f} MiB "
        f"({before:.0f} before the fit); one query of 64 x 40, 100 labels: {single_ms:.2f} ms"
    )
    if python is not None:
        times = run_peers(python, [votes_of(np.asarray(scores, np.float64))], ("Snorkel",))[1]
        found["snorkel_s"] = times["Snorkel"][0]
        console.print(
            f"Snorkel, 500 epochs, fit on the same rows: {times['Snorkel'][0]:.1f} s = {times['Snorkel'][0] / ours_s:.1f} x ours"
        )
    return found


def main() -> None:
    """Run the requested measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of npz files with scores and labels")
    parser.add_argument("--peers", help="python of an environment with snorkel and crowd-kit")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--synthetic", action="store_true")
    parser.add_argument("--speed", type=int, metavar="ROWS", help="time a fit of so many rows")
    asked = parser.parse_args()
    if not (asked.data or asked.synthetic or asked.speed):
        parser.error("name --data DIR, --synthetic, --speed ROWS, or several")
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "draws": asked.draws,
    }
    if asked.data:
        found["real"] = real(asked.data, asked.peers, asked.draws)
    if asked.synthetic:
        found["synthetic"] = synthetic()
    if asked.speed:
        found["speed"] = speed(asked.speed, asked.peers)
    sys.stdout.write(json.dumps(found, default=float) + "\n")


if __name__ == "__main__":
    main()
