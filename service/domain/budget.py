"""The budget of a request, and the verifiers that it reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import Pair, ServedSettings, VerifierSettings

CHARS_A_TOKEN = 4
#: Why a verifier has no word where the budget did not reach it.
OVER_BUDGET = "budget: not affordable"


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits on new scores: cost in the configuration's units, tokens (estimated), calls."""

    cost: float | None = None
    tokens: int | None = None
    calls: int | None = None


NOTHING_USED = Budget(0.0, 0, 0)


def affordable(
    budget: Budget,
    verifiers: Sequence[VerifierSettings],
    matrix: ScoreMatrix,
    pairs: Sequence[Pair],
    *,
    columns: Sequence[int] | None = None,
    rows_of: Callable[[int], list[int]] | None = None,
    used: Budget = NOTHING_USED,
) -> tuple[list[int], Budget]:
    """Return the columns beyond the budget, cheapest verifiers first, and the others' cost.

    A cached score costs nothing. `columns`: those to call now (all by default); `rows_of`: the
    pairs of each column's call.
    """
    left_out = []
    for column in sorted(
        range(len(verifiers)) if columns is None else columns,
        key=lambda place: (verifiers[place].cost, place),
    ):
        rows = (rows_of or matrix.unknown_rows)(column)
        if not rows:
            continue
        settings = verifiers[column]
        served = isinstance(settings, ServedSettings)
        chars = (
            sum(len(pairs[row].candidate) + len(pairs[row].query.text) for row in rows)
            if served
            else 0
        )
        after = Budget(
            (used.cost or 0) + settings.cost * len(rows),
            (used.tokens or 0) + chars // CHARS_A_TOKEN,
            (used.calls or 0) + (-(-len(rows) // settings.batch_size) if served else 0),
        )
        if _exceeds(after, budget):
            left_out.append(column)
        else:
            used = after
    return left_out, used


def _exceeds(used: Budget, budget: Budget) -> bool:
    limits = ((used.cost, budget.cost), (used.tokens, budget.tokens), (used.calls, budget.calls))
    return any(
        limit is not None and amount is not None and amount > limit for amount, limit in limits
    )
