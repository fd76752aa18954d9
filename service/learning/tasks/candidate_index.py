"""Which candidates a task has kept: read from the store, and after that only what is new."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping

from assay.service.domain.observation import KeptCandidates
from assay.service.domain.score_keys import candidate_key, candidate_of_key, query_of_key
from assay.service.ports import TaskStore


class CandidateIndex:
    """The candidates of a task's window, by query; requests with a label lie beside the window."""

    def __init__(self) -> None:
        self._requests: deque[KeptCandidates] = deque()
        self._by_query: dict[str, deque[KeptCandidates]] = {}
        self._turn = asyncio.Lock()

    async def kept(self, task_store: TaskStore, keys: Iterable[str]) -> set[str]:
        """Return those of some candidates, by key, that a fit would find. Raises `StoreError`."""
        wanted: dict[str, set[str]] = {}
        for key in keys:
            wanted.setdefault(query_of_key(key), set()).add(candidate_of_key(key))
        async with self._turn:
            await self._catch_up(task_store)
            there = await asyncio.to_thread(self._in_window, wanted)
        left = {query: names for query, names in wanted.items() if names - there.get(query, set())}
        for record in await task_store.labelled_of(left.keys()) if left else ():
            there.setdefault(record.query, set()).update(left[record.query] & {*record.candidates})
        return {candidate_key(query, name) for query, names in there.items() for name in names}

    async def _catch_up(self, task_store: TaskStore) -> None:
        oldest = await task_store.oldest_place()
        while self._requests and (oldest is None or self._requests[0].at < oldest):
            query = self._requests.popleft().query
            self._by_query[query].popleft()
            if not self._by_query[query]:
                del self._by_query[query]
        newest = self._requests[-1].at if self._requests else None
        async for page in task_store.candidates(newest):
            for request in page:
                self._requests.append(request)
                self._by_query.setdefault(request.query, deque()).append(request)

    def _in_window(self, wanted: Mapping[str, set[str]]) -> dict[str, set[str]]:
        """Return the wanted candidates of each query that requests of the window have."""
        there: dict[str, set[str]] = {}
        for query, names in wanted.items():
            for request in self._by_query.get(query, ()):
                there.setdefault(query, set()).update(names & request.candidates())
                if there[query] == names:
                    break
        return there
