"""A question of arithmetic with candidates for it."""

from __future__ import annotations

from assay.verifiers import Pair, Query

QUERY = Query.of("What is 3 + 4?", "7")
PAIR = Pair(QUERY, "It is 7.")
#: A candidate of three steps.
STEPS = Pair(QUERY, "First take 3.\n\nThen add 4.\n\nThe answer is 7.")
