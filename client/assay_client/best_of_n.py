"""Best of n for any sampler: draw candidates, rank them, keep the best."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .answers import Ranking
from .client import AsyncClient, Client
from .errors import AssayError
from .exchange import Query

#: Failures in a row after which `best_of_many` begins no further query.
MOST_IN_A_ROW = 8

#: Returns one answer, or several at once.
Generate = Callable[[Any], str | Sequence[str]]
AsyncGenerate = Callable[[Any], Awaitable[str | Sequence[str]]]


@dataclass(frozen=True)
class BestOfN:
    """The chosen answer, all drawn answers, and their scores."""

    text: str
    candidates: list[str]
    ranking: Ranking

    @property
    def probability(self) -> float | None:
        """Return the chance that the chosen answer is correct."""
        return self.ranking.best.probability


class SomeFailedError(AssayError):
    """Some of many queries failed; the others' answers are here.

    `results`: by place, None where there is none; `failures`: why, by place. Places in neither were
    not asked any more, after too many failures in a row.
    """

    def __init__(self, results: list[BestOfN | None], failures: dict[int, Exception]) -> None:
        place, first = min(failures.items())
        skipped = sum(result is None for result in results) - len(failures)
        unasked = f", and {skipped} were not asked any more" if skipped else ""
        super().__init__(
            f"{len(failures)} of {len(results)} queries failed{unasked}; `results` has the others'"
            f" answers (query {place}: {type(first).__name__}: {first})"
        )
        self.results, self.failures = results, failures


def best_of_n(
    generate: Generate, query: Query, n: int = 8, *, client: Client | None = None, **options: Any
) -> BestOfN:
    """Call `generate(query)` until n answers exist, and return the best.

    `options`: those of `Client.rank`. Raises what `generate` raises, `ValueError` if it returns
    nothing, and an `AssayError`.
    """
    answers: list[str] = []
    while len(answers) < n:
        answers += _listed(generate(query))
    ranker = client or Client()
    try:
        ranking = ranker.rank(query, answers[:n], **options)
    finally:
        if client is None:
            ranker.close()
    return BestOfN(answers[ranking.best.index], answers[:n], ranking)


async def abest_of_n(
    generate: AsyncGenerate | Generate,
    query: Query,
    n: int = 8,
    *,
    client: AsyncClient | None = None,
    **options: Any,
) -> BestOfN:
    """Do the same with a coroutine function; calls that return one answer run at once."""
    answers: list[str] = _listed(await _called(generate, query))
    while len(answers) < n:
        missing = n - len(answers)
        calls = -(-missing // max(1, len(answers)))
        for more in await asyncio.gather(*(_called(generate, query) for _ in range(calls))):
            answers += _listed(more)
    ranker = client or AsyncClient()
    try:
        ranking = await ranker.rank(query, answers[:n], **options)
    finally:
        if client is None:
            await ranker.close()
    return BestOfN(answers[ranking.best.index], answers[:n], ranking)


async def best_of_many(
    generate: AsyncGenerate | Generate,
    queries: Sequence[Query],
    n: int = 8,
    *,
    client: AsyncClient | None = None,
    at_once: int = 16,
    progress: bool = True,
    **options: Any,
) -> list[BestOfN]:
    """Do the same for many queries, so many at once, in order.

    With a progress bar where tqdm is installed. A query that fails does not end the others: when
    these are over, `SomeFailedError` has their answers. After `MOST_IN_A_ROW` failures in a row, or
    `at_once` if that is more, no further query begins. Raises a query's own error if all failed.
    """
    ranker, room = client or AsyncClient(), asyncio.Semaphore(at_once)
    results: list[BestOfN | None] = [None] * len(queries)
    failures: dict[int, Exception] = {}
    most_in_a_row, in_a_row = max(at_once, MOST_IN_A_ROW), 0

    async def rank_one(place: int, query: Query) -> None:
        nonlocal in_a_row
        async with room:
            if in_a_row >= most_in_a_row:
                return
            try:
                results[place] = await abest_of_n(generate, query, n, client=ranker, **options)
                in_a_row = 0
            except Exception as exc:  # the caller's own function may raise anything
                failures[place] = exc
                in_a_row += 1
        bar.update()

    with _bar(len(queries), progress) as bar:
        tasks = [asyncio.create_task(rank_one(*asked)) for asked in enumerate(queries)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:  # whoever waits may be cancelled
                task.cancel()
            if client is None:
                await ranker.close()
    return _all_or_raise(results, failures)


def _all_or_raise(results: list[BestOfN | None], failures: dict[int, Exception]) -> list[BestOfN]:
    answered = [result for result in results if result is not None]
    if not failures:
        return answered
    if not answered:
        raise failures[min(failures)]
    raise SomeFailedError(results, failures) from failures[min(failures)]


class _NoBar:
    """Stands in for a progress bar."""

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self) -> None:
        """Do nothing."""


def _bar(total: int, shown: bool) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoBar()
    return tqdm(total=total, desc="best of n", unit="query", disable=not shown)


async def _called(generate: Any, query: Query) -> str | Sequence[str]:
    if inspect.iscoroutinefunction(generate):
        answer: str | Sequence[str] = await generate(query)
        return answer
    return await asyncio.to_thread(generate, query)


def _listed(answers: str | Sequence[str]) -> list[str]:
    texts = [answers] if isinstance(answers, str) else list(answers)
    if not texts:
        raise ValueError("generate returned no answer")
    return texts
