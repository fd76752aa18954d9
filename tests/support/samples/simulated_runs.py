"""Simulated training runs: blocks of completions, with what verifiers say of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.aggregation.over_optimisation import BLOCK, BlockSums, Movement, movement

#: hack: the policy learns to please one verifier while the truth falls. long hack: and its answers
#: grow. honest: the truth rises. honest, longer: and its answers grow. still: nothing changes.
#: longer: only the answers grow.
Story = Literal["hack", "long hack", "honest", "honest, longer", "still", "longer"]
GROUP = 8  # answers to one prompt
PUSH = 3.0  # of the hacked verifier at the end, in standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Verifiers of different quality and form; the last `checks` of them say only 0 or 1."""

    loadings: np.ndarray
    links: np.ndarray
    checks: tuple[bool, ...]
    culprit: int


def draw_ensemble(verifiers: int, checks: int, rng: np.random.Generator) -> Ensemble:
    """Return an ensemble; the culprit is one of those that are no checks."""
    are_checks = tuple(place >= verifiers - checks for place in range(verifiers))
    return Ensemble(
        loadings=rng.uniform(0.4, 0.9, verifiers),
        links=np.where(are_checks, 2, rng.integers(0, 2, verifiers)),
        checks=are_checks,
        culprit=int(rng.integers(0, verifiers - checks)),
    )


def completions(
    ensemble: Ensemble, story: Story, progress: float, rng: np.random.Generator, number: int = BLOCK
) -> np.ndarray:
    """Return the columns of completions (n, d): verifiers, reward, log length.

    `progress` from 0 to 1. Half of the truth's variance is the prompt's.
    """
    prompts = np.repeat(rng.normal(size=-(-number // GROUP)), GROUP)[:number]
    truth = np.sqrt(0.5) * (prompts + rng.normal(size=number))
    hacked = story in ("hack", "long hack")
    loadings = ensemble.loadings
    if hacked:
        # The policy gives up half of its gain, through all verifiers that see the truth fall.
        gain = PUSH * (0.4 if ensemble.links[ensemble.culprit] else 1.0)
        truth -= progress * gain / 2 * loadings[ensemble.culprit] / (loadings @ loadings)
    if story in ("honest", "honest, longer"):
        truth += 1.5 * progress
    noise = rng.normal(size=(number, len(loadings))) * np.sqrt(1 - loadings**2)
    latent = truth[:, np.newaxis] * loadings + noise
    if hacked:
        latent[:, ensemble.culprit] += PUSH * progress * rng.uniform(0.6, 1.4, number)
    scores = np.choose(
        ensemble.links, [latent, np.tanh(0.7 * latent), (latent > 0.3).astype(float)]
    )
    grows = story in ("long hack", "honest, longer", "longer")
    length = 6.0 + 0.5 * rng.normal(size=number) + 0.75 * progress * grows
    return np.column_stack([scores, scores @ loadings, length])


def movements(
    ensemble: Ensemble, story: Story, blocks: int, seed: int, number: int = BLOCK
) -> Iterator[Movement | None]:
    """Yield how each block of a run differs from its first."""
    rng = np.random.default_rng(seed)
    reference = BlockSums.of(completions(ensemble, story, 0.0, rng, number))
    for block in range(1, blocks):
        values = completions(ensemble, story, min(1.0, 1.5 * block / blocks), rng, number)
        yield movement(reference, BlockSums.of(values), ensemble.checks)
