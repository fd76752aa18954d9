"""One BLAS thread for small matrices."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info

from assay.aggregation.statistics.threads import one_blas_thread


def blas_threads() -> list[int]:
    """Return the threads of each BLAS that this process has loaded."""
    np.linalg.eigh(np.eye(2))
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_has_one_thread_inside_and_its_own_again_after() -> None:
    """Of every BLAS: scipy may bring a second."""
    before = blas_threads()

    with one_blas_thread():
        inside = blas_threads()

    assert inside
    assert set(inside) == {1}
    assert blas_threads() == before
