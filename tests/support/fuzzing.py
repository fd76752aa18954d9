"""How long the fuzz tests run, and random JSON."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "120"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "index",
                    "score",
                    "probs",
                    "usage",
                    "x",
                    "choices",
                    "message",
                    "content",
                    "logprobs",
                    "tokens",
                    "prompt",
                    "scores",
                    "embedding",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def for_its_share(check: Callable[[], None], parts: int = 7) -> int:
    """Run a property again and again for a part of the time, each time with new examples; return
    how often.
    """
    until, rounds = time.monotonic() + SECONDS / parts, 0
    while rounds == 0 or time.monotonic() < until:
        check()
        rounds += 1
    return rounds


QUICK = settings(
    max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
