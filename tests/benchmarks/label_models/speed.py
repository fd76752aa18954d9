"""The time and memory of a fit, and the time of a prediction."""

from __future__ import annotations

import resource
import time

import numpy as np
from scipy.special import expit

from assay.aggregation import LabelModel
from tests.benchmarks.label_models.rivals import run_peers
from tests.benchmarks.label_models.tables import console
from tests.benchmarks.label_models.votes import votes_of


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
