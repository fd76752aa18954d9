"""One BLAS thread for small matrices: several wait for each other on a busy machine."""

from __future__ import annotations

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """Return a context in which this process's BLAS uses one thread."""
    return threadpool_limits(1, "blas")
