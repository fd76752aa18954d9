"""A pair that examinations ask about."""

from __future__ import annotations

from assay.verifiers.contract.verifier import Pair, Query

SAMPLE = Pair(
    Query.of("What is 3 + 4?", reference="7", tests=("assert True",)),
    "First take 3 and add 4.\n\n3 + 4 = 7.\n\nThe answer is 7.",
)
