"""Requests of asynchronous reward functions: the reward of a pair or of many rows.

Each event loop has a client of its own, and the process one run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from .answers import PairScore
from .client import AsyncClient
from .errors import NoScoreError
from .exchange import Query
from .missing import filled
from .run import Run
from .settings import PATIENCE_S, RewardOptions, refuse_rank, rewards_of
from .texts import reference_of

_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()
Row = tuple[Query, str, str | None]


@cache
def process_run() -> Run:
    """Return the run of functions that a trainer finds by name: ASSAY_RUN, or the process's own."""
    return Run()


def loop_client() -> AsyncClient:
    """Return the running loop's client, of ASSAY_URL and ASSAY_API_KEY.

    Connections do not outlive their loop.
    """
    loop = asyncio.get_running_loop()
    if loop not in _CLIENTS:
        _CLIENTS[loop] = AsyncClient(patience_s=PATIENCE_S)
    return _CLIENTS[loop]


def client_of(settings: RewardOptions, client: AsyncClient | None = None) -> AsyncClient:
    """Return a client, the running loop's by default, of the settings' run."""
    return (client or loop_client()).with_run(settings.run)


async def score_one(
    query: Query,
    candidate: str,
    reference: Any,
    settings: RewardOptions,
    client: AsyncClient | None = None,
) -> tuple[float | None, PairScore | None]:
    """Return one pair's reward and score, or what stands for a missing reward, and None.

    Raises `NoScoreError` with `missing="raise"`, and `ValueError` for a reference that is neither a
    text nor a number, or for ranks.
    """
    refuse_rank(settings)
    pair = {"query": query, "candidate": candidate, "reference": reference_of(reference)}
    try:
        scores = await client_of(settings, client).score_pairs([pair], **settings.options())
    except NoScoreError:
        if settings.missing == "raise":
            raise
        return filled([None], settings.missing)[0], None
    [reward], reason = rewards_of(scores, 1, settings)
    value = filled([reward], settings.missing, reason=reason)[0]
    return value, None if reward is None else scores.results[0]


async def rank_rows(
    rows: Sequence[Row],
    settings: RewardOptions,
    client: AsyncClient | None = None,
    absent: float | None = None,
    together: bool = False,
) -> list[float | None]:
    """Return the reward of each row (query, candidate, reference), in order.

    Each is of the candidate alone, so that it is the same in every group and step of a run; ranks
    are within the group, the candidates of the same query and reference. `together`: to choose
    among the group, where verifiers that compare candidates have a say. A row without any score
    has what `missing` says; `absent` is the trainer's way to leave one out.
    """
    groups: dict[str, list[int]] = {}
    for place, (query, _, reference) in enumerate(rows):
        groups.setdefault(repr((query, reference)), []).append(place)

    async def rank(places: list[int]) -> list[float | None]:
        group = [rows[place] for place in places]
        ask = _ranked if together or settings.kind == "rank" else _alone
        rewards, reason = await ask(group, settings, client)
        return filled(rewards, settings.missing, absent, reason)

    ranked = await asyncio.gather(*(rank(places) for places in groups.values()))
    places = [place for group in groups.values() for place in group]
    rewards = dict(zip(places, (value for values in ranked for value in values), strict=True))
    return [rewards[place] for place in range(len(rows))]


async def _alone(
    group: Sequence[Row], settings: RewardOptions, client: AsyncClient | None
) -> tuple[list[float | None], str | None]:
    pairs = [
        {"query": query, "candidate": text, "reference": reference}
        for query, text, reference in group
    ]
    try:
        scores = await client_of(settings, client).score_pairs(pairs, **settings.options())
    except NoScoreError as exc:
        return [None] * len(group), str(exc)
    return rewards_of(scores, len(group), settings)


async def _ranked(
    group: Sequence[Row], settings: RewardOptions, client: AsyncClient | None
) -> tuple[list[float | None], str | None]:
    query, _, reference = group[0]
    texts = [text for _, text, _ in group]
    options = settings.options()
    if settings.kind in ("probability", "log_odds"):  # of the candidates in their group
        del options["reward"]
    try:
        ranking = await client_of(settings, client).rank(
            query, texts, reference=reference, **options
        )
    except NoScoreError as exc:
        return [None] * len(group), str(exc)
    return rewards_of(ranking, len(group), settings)
