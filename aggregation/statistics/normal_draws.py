"""Draws from a normal distribution, the same at every call."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from assay.aggregation.matrix import Floats

#: A power of two, as the sequence wants it. The error of a probability is about 0.005.
DRAWS = 1024
#: Added to a covariance that is singular, as a share of its largest variance.
SINGULAR_RIDGE = 1e-10


@lru_cache(maxsize=16)
def standard_normals(dimensions: int) -> Floats:
    """Return independent standard normals, shape (dimensions, DRAWS), spread evenly (Sobol)."""
    uniform = qmc.Sobol(dimensions, seed=0).random(DRAWS)
    normals = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)).T
    normals.setflags(write=False)  # shared by all callers
    return np.asarray(normals)


def normal_draws(mean: Floats, covariance: Floats) -> Floats:
    """Return draws of a normal vector, shape (dimensions, DRAWS); `covariance` may be singular."""
    ridge = SINGULAR_RIDGE * max(float(covariance.diagonal().max()), 1e-300)
    factor = np.linalg.cholesky(covariance + ridge * np.eye(len(mean)))
    return np.asarray(mean[:, None] + factor @ standard_normals(len(mean)))
