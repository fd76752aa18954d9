"""Requests of reward functions: numbers of a pair or of many rows.

They are probabilities once the task is calibrated or states a base rate; before, they only order.

Each event loop has a client of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from .answers import PairScore
from .client import AsyncClient
from .errors import NoScoreError
from .exchange import Query

_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()


def task_name(task: str | None = None) -> str:
    """Return a task's name: as given, else ASSAY_TASK, else `default`."""
    return task or os.environ.get("ASSAY_TASK") or "default"


def loop_client() -> AsyncClient:
    """Return the running loop's client, of ASSAY_URL and ASSAY_API_KEY.

    Connections do not outlive their loop.
    """
    loop = asyncio.get_running_loop()
    if loop not in _CLIENTS:
        _CLIENTS[loop] = AsyncClient()
    return _CLIENTS[loop]


async def score_one(
    query: Query, candidate: str, reference: Any = None, task: str | None = None
) -> PairScore:
    """Return one pair's score; raise `NoScoreError` if no verifier could say."""
    pair = {
        "query": query,
        "candidate": candidate,
        "reference": None if reference in (None, "") else str(reference),
    }
    scores = await loop_client().score_pairs([pair], task=task_name(task), uncalibrated="number")
    if scores.results[0].probability is None:
        raise NoScoreError("no verifier applies to this candidate")
    return scores.results[0]


async def rank_rows(
    rows: Sequence[tuple[Query, str, str | None]],
    task: str | None = None,
    client: AsyncClient | None = None,
) -> list[float | None]:
    """Return the number of each row (query, candidate, reference), in order.

    None if no verifier could say.

    Candidates of the same query and reference are ranked together, so that verifiers that compare
    them have a say.
    """
    groups: dict[str, list[int]] = {}
    for place, (query, _, reference) in enumerate(rows):
        groups.setdefault(repr((query, reference)), []).append(place)

    async def rank(places: list[int]) -> list[float | None]:
        query, _, reference = rows[places[0]]
        texts = [rows[place][1] for place in places]
        try:
            ranking = await (client or loop_client()).rank(
                query,
                texts,
                task=task_name(task),
                reference=reference,
                uncalibrated="number",
            )
        except NoScoreError:
            return [None] * len(places)
        return ranking.probabilities()

    ranked = await asyncio.gather(*(rank(places) for places in groups.values()))
    places = [place for group in groups.values() for place in group]
    by_place = dict(zip(places, (value for values in ranked for value in values), strict=True))
    return [by_place[place] for place in range(len(rows))]
