"""Made-up verifier ensembles with known truth: twenty named scenarios, and random ones.

A latent score is a sum: the truth, a part that makes the whole query look good, an error shared by
all verifiers, one shared by the family, and the verifier's own. The observed score is a binary,
ordinal, probability or distorted view of it:

    latent = d_q (y - 1/2) + a h_q + b own_q + lam shared + sqrt(1 - lam^2) (sqrt(rho) family +
    sqrt(1 - rho) own)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

WRONG_ANSWERS = 7
WARPS: dict[str, Callable[[Array], Array]] = {
    "gauss": lambda latent: latent,
    "exp": lambda latent: np.exp(0.7 * latent),
    "negexp": lambda latent: -np.exp(-0.7 * latent),
    "sinh": np.sinh,
    "tanh": np.tanh,
}
STYLES = {
    "gauss": ["gauss"],
    "mixed": ["gauss", "exp", "negexp", "sinh", "tanh"],
    "heavy": ["gauss", "sinh", "exp"],
}


def kinds(binary: int = 0, ordinal: int = 0, share: int = 0, cont: int = 0) -> tuple[str, ...]:
    """Return the kinds of so many verifiers."""
    return ("binary",) * binary + ("ordinal",) * ordinal + ("prob",) * share + ("cont",) * cont


@dataclass(frozen=True)
class Scenario:
    """How a data set is made; sds and correlations in units of the latent score."""

    name: str
    kinds: tuple[str, ...]
    queries: int = 500
    size: int = 20
    sizes_vary: bool = False
    base_rate: float = 0.5
    concentration: float = 2.0
    strength: tuple[float, ...] = ()
    strength_mean: float = 1.0
    strength_sd: float = 0.5
    groups: tuple[int, ...] = ()
    rho: float = 0.0
    shared: float = 0.0
    by_answer: float = 0.0
    query_shift: float = 0.0
    shift_correlation: float = 0.0
    own_shift: float = 0.0
    weaker_when_hard: float = 0.0
    missing: float = 0.0
    missing_blocks: float = 0.0
    adversarial: int = 0
    useless: int = 0
    threshold_sd: float = 0.6
    style: str = "mixed"


@dataclass(frozen=True)
class Sample:
    """Scores, shape (n, m), NaN where missing; labels, query of each row, family and true
    strength of each verifier.
    """

    name: str
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    query_id: npt.NDArray[np.int64]
    names: tuple[str, ...]
    families: dict[str, str]
    strength: npt.NDArray[np.float64]


def make(scenario: Scenario, seed: int) -> Sample:
    """Return a data set; the same scenario and seed give the same."""
    random, count = np.random.default_rng(seed), len(scenario.kinds)
    sizes = np.full(scenario.queries, scenario.size)
    if scenario.sizes_vary:
        sizes = np.minimum(
            np.maximum(1, random.geometric(1 / scenario.size, scenario.queries)), 1000
        )
    query = np.repeat(np.arange(scenario.queries), sizes)
    alpha, beta = (
        max(share * scenario.concentration, 1e-2)
        for share in (scenario.base_rate, 1 - scenario.base_rate)
    )
    rate = random.beta(alpha, beta, scenario.queries)
    truth = (random.random(len(query)) < rate[query]).astype(np.int8)
    easy = np.log((rate + 0.02) / (1 - rate + 0.02))
    easy = (easy - easy.mean()) / (easy.std() + 1e-9)
    along = scenario.shift_correlation
    shift = along * easy + np.sqrt(1 - along**2) * random.standard_normal(scenario.queries)
    popularity = 1 / np.arange(1, WRONG_ANSWERS + 1)
    wrong = 1 + random.choice(WRONG_ANSWERS, len(query), p=popularity / popularity.sum())
    answer = np.where(truth == 1, 0, wrong)

    def error() -> Array:
        """Return an error a row, alike in part for rows of the same answer."""
        own = random.standard_normal(len(query))
        if scenario.by_answer == 0:
            return np.asarray(own)
        of_answer = random.standard_normal((scenario.queries, WRONG_ANSWERS + 1))[query, answer]
        return np.asarray(
            np.sqrt(scenario.by_answer) * of_answer + np.sqrt(1 - scenario.by_answer) * own
        )

    strength = _strength(scenario, random, count)
    groups = np.array(scenario.groups) if scenario.groups else np.full(count, -1)
    of_group = {group: error() for group in sorted(set(groups.tolist())) if group >= 0}
    of_all = error()
    scores = np.empty((len(query), count), np.float32)
    hardness = 1 / (1 + np.exp(easy))
    for place, kind in enumerate(scenario.kinds):
        drive = strength[place] * (1 - scenario.weaker_when_hard * hardness)[query]
        own = random.standard_normal(len(query))
        if kind == "cont" and scenario.style == "heavy":
            own = random.standard_t(3, len(query)) / np.sqrt(3)
        if groups[place] >= 0:
            own = np.sqrt(scenario.rho) * of_group[groups[place]] + np.sqrt(1 - scenario.rho) * own
        share = min(scenario.shared * random.uniform(0.7, 1.3), 0.95) if scenario.shared else 0.0
        latent = drive * (truth - 0.5) + share * of_all + np.sqrt(1 - share**2) * own
        if scenario.query_shift:
            latent = latent + (scenario.query_shift * random.uniform(0.5, 1.5) * shift)[query]
        if scenario.own_shift:
            latent = latent + (scenario.own_shift * random.standard_normal(scenario.queries))[query]
        scores[:, place] = _observed(scenario, kind, latent, random)
    _remove(scenario, scores, query, random)
    names = tuple(f"v{place}" for place in range(count))
    families = {
        name: f"g{group}" if group >= 0 else name
        for name, group in zip(names, groups.tolist(), strict=True)
    }
    return Sample(scenario.name, scores, truth.astype(np.int64), query, names, families, strength)


def _strength(
    scenario: Scenario, random: np.random.Generator, count: int
) -> npt.NDArray[np.float64]:
    if scenario.strength:
        strength, order = np.array(scenario.strength, float), np.arange(count)[::-1]
    else:
        strength = np.abs(
            scenario.strength_mean + scenario.strength_sd * random.standard_normal(count)
        )
        order = random.permutation(count)
    bad = order[: scenario.adversarial + scenario.useless]
    strength[bad[: scenario.adversarial]] = -np.abs(random.normal(0.7, 0.2, scenario.adversarial))
    strength[bad[scenario.adversarial :]] = 0.03 * random.standard_normal(scenario.useless)
    return strength


def _observed(scenario: Scenario, kind: str, latent: Array, random: np.random.Generator) -> Array:
    if kind == "binary":
        return np.asarray(latent > scenario.threshold_sd * random.standard_normal()).astype(float)
    if kind == "ordinal":
        levels = int(random.choice([5, 10]))
        cuts = np.quantile(latent, np.sort(random.uniform(0.02, 0.98, levels - 1)))
        return np.asarray(np.searchsorted(cuts, latent) / (levels - 1))
    if kind == "prob":
        return np.asarray(1 / (1 + np.exp(-(random.uniform(1, 4) * latent + random.normal(0, 1)))))
    styles = STYLES[scenario.style]
    warped = WARPS[str(random.choice(styles)) if len(styles) > 1 else styles[0]](latent)
    return np.asarray(np.exp(random.normal(0, 1.5)) * warped + random.normal(0, 5))


def _remove(scenario: Scenario, scores: Array, query: Array, random: np.random.Generator) -> None:
    if scenario.missing > 0:
        share = np.clip(random.uniform(0.5, 1.5, scores.shape[1]) * scenario.missing, 0, 0.6)
        scores[random.random(scores.shape) < share] = np.nan
    if scenario.missing_blocks > 0:
        for place in np.flatnonzero(random.random(scores.shape[1]) < scenario.missing_blocks):
            scores[(random.random(scenario.queries) < 0.5)[query], place] = np.nan


MIX = kinds(6, 4, 2, 8)
NAMED: tuple[Scenario, ...] = (
    Scenario("01 independent binary", kinds(binary=10), strength_mean=1.2),
    Scenario("02 mixed, independent", MIX, missing=0.05),
    Scenario(
        "03 Weaver-like", kinds(10, 3, 2, 15), queries=250, size=100, base_rate=0.4, concentration=1.0, rho=0.5,
        groups=(0,) * 5 + (1,) * 5 + (2,) * 5 + (0,) * 2 + (3,) * 7 + (-1,) * 6, query_shift=0.5, shift_correlation=0.5,
        own_shift=0.3, missing=0.05, useless=3, strength_mean=0.8, shared=0.3, by_answer=0.3,
    ),
    Scenario("04 base rate 0.05", MIX, queries=600, size=30, base_rate=0.05, concentration=1.0, own_shift=0.2),
    Scenario("05 base rate 0.9", MIX, base_rate=0.9, own_shift=0.2),
    Scenario(
        "06 family of 8 near-copies, weak", kinds(cont=15), strength=(0.5,) * 8 + (1.3,) * 7,
        groups=(0,) * 8 + (-1,) * 7, rho=0.85, style="gauss",
    ),
    Scenario("07 adversarial and useless", MIX, adversarial=4, useless=6, missing=0.1, own_shift=0.2),
    Scenario("08 one great, 14 weak", kinds(5, 3, 0, 7), strength=(0.3,) * 14 + (3.0,)),
    Scenario("09 heavy tails", kinds(cont=12), style="heavy", missing=0.05, strength_mean=0.8),
    Scenario("10 large query shifts", kinds(2, 2, 2, 8), query_shift=1.2, own_shift=0.6),
    Scenario("11 error shared by all", MIX, shared=0.6, by_answer=0.5),
    Scenario("12 five verifiers", kinds(2, 1, 0, 2), missing=0.05),
    Scenario(
        "13 forty in ten families", kinds(16, 6, 4, 14), strength_mean=0.6, strength_sd=0.4, rho=0.5,
        groups=tuple(place // 4 for place in range(40)), missing=0.1, own_shift=0.3, useless=6, adversarial=2,
    ),
    Scenario("14 a thousand rows", MIX, queries=50, own_shift=0.3, missing=0.05),
    Scenario("15 a fifth missing, and blocks", MIX, missing=0.2, missing_blocks=0.4, own_shift=0.2),
    Scenario("16 all weak", kinds(8, 4, 2, 8), strength_mean=0.3, strength_sd=0.15, own_shift=0.2),
    Scenario(
        "17 family of 10 useless, 5 good", kinds(cont=15), strength=(0.0,) * 10 + (1.0,) * 5,
        groups=(0,) * 10 + (-1,) * 5, rho=0.8, style="gauss",
    ),
    Scenario(
        "18 four candidates", kinds(6, 3, 1, 6), queries=3000, size=4, query_shift=0.5, shift_correlation=0.5,
        own_shift=0.4, missing=0.05,
    ),
    Scenario("19 one candidate", kinds(6, 3, 1, 6), queries=10_000, size=1, query_shift=0.3, missing=0.05),
    Scenario(
        "20 weaker on hard queries", kinds(8, 3, 2, 10), queries=300, size=50, base_rate=0.25, concentration=0.8, rho=0.6,
        weaker_when_hard=0.9, groups=(0,) * 6 + (-1,) * 7 + (1,) * 6 + (-1,) * 4, query_shift=0.6, shift_correlation=0.4,
        missing=0.1, own_shift=0.3,
    ),
)  # fmt: skip
