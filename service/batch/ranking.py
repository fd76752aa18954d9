"""Ranks parts by the service's own code, a bounded number of rows at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from pydantic import ValidationError
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_result,
    stop_after_attempt,
    wait_exponential,
)

from assay.service.api.errors import ApiError, invalid
from assay.service.api.ranking.scoring_requests import scoring_request_from
from assay.service.api.requests import RankRequest
from assay.service.api.task_lookup import find_task
from assay.service.batch.files import BatchError, Files
from assay.service.batch.formats import RESULT, Block, Row
from assay.service.batch.plan import BAD, DONE, BatchPlan, Done, Part
from assay.service.batch.set_aside import set_aside
from assay.service.domain.errors import NoVerifierError
from assay.service.domain.score_keys import query_of_key
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringResult
from assay.verifiers import Status

#: Parts that are scored at once: the last rows of one leave room for the first of the next.
OPEN_PARTS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How many rows to score at once, and whether a verifier that fails a part stops the job."""

    concurrency: int = 64
    keep_going: bool = False
    # of a row that a verifier failed on: at once, and after 1, 4 and 16 seconds; what is known is
    # not asked again
    tries: int = 4


class Ranker:
    """Ranks parts of one plan through an engine whose models are frozen."""

    def __init__(self, engine: Engine, plan: BatchPlan, effort: Effort) -> None:
        self._engine, self._plan, self._effort = engine, plan, effort
        self._files = Files(plan.out)
        self._room = asyncio.Semaphore(effort.concurrency)

    async def rank(self, parts: Sequence[Part]) -> AsyncIterator[Done]:
        """Yield each part when it is written, in order.

        Raises `BatchError` if a verifier fails all of a part.
        """
        blocks = _blocks(self._plan, parts)
        running: deque[asyncio.Task[Done]] = deque()
        try:
            while True:
                while (
                    len(running) < OPEN_PARTS
                    and (part_and_block := await asyncio.to_thread(next, blocks, None)) is not None
                ):
                    running.append(asyncio.create_task(self._part(*part_and_block)))
                if not running:
                    return
                yield await running[0]
                running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _part(self, part: Part, block: Block) -> Done:
        """Rank a part and write it: bad rows first, its mark last."""
        results = await asyncio.gather(*(self._row(part, row) for row in block.rows))
        self._stop_if_dead(part, results)
        await asyncio.to_thread(self._write, part, block, results)
        return _counts(results)

    def _write(self, part: Part, block: Block, results: Sequence[dict[str, Any]]) -> None:
        form = self._plan.format(part.source)
        bad = [
            set_aside(result["file"], result["row"], result["error"], form.as_it_came(block, place))
            for place, result in enumerate(results)
            if result["error"] is not None
        ]
        if bad:
            self._files.put(b"".join(bad), BAD, part.name.rpartition(".")[0] + ".jsonl")
        self._files.put(form.encode(block, results, list(self._plan.verifiers)), part.name)
        self._files.put(orjson.dumps(asdict(_counts(results))), DONE, part.name)

    async def _row(self, part: Part, row: Row) -> dict[str, Any]:
        """Return a row's result; a row that is no valid request has the reason under `error`."""
        file, number = row.origin or (self._plan.sources[part.source].name, row.number)
        result = {"file": file, "row": number}
        if row.body is None:
            return {**result, **_failed(row.problem)}
        try:
            payload = RankRequest.model_validate(
                {"task": self._plan.task, **row.body}, context=self._engine.config.service
            )
            task = find_task(self._engine, payload.task, payload.ensemble)
            scoring_request, _ = scoring_request_from(self._engine, payload, task, "")
        except ValidationError as exc:
            return {**result, **_failed(str(invalid(exc)))}
        except ApiError as exc:
            return {**result, **_failed(str(exc))}
        scoring_result = await self._scored(scoring_request)
        if isinstance(scoring_result, NoVerifierError):
            reasons = [f"{name}: {reason}" for name, reason in scoring_result.reasons.items()]
            return {
                **result,
                **_failed("no verifier could answer: " + "; ".join(reasons)),
                "partial": True,
                "reasons": reasons,
            }
        return {**result, "task": task.name, **self._result_fields(scoring_result)}

    async def _scored(self, scoring_request: Any) -> ScoringResult | NoVerifierError:
        """Return the ensemble's result; call a failed verifier again."""

        async def once() -> ScoringResult | NoVerifierError:
            async with self._room:  # not while it waits for its next try
                try:
                    return await self._engine.scoring.scorer.score(scoring_request)
                except NoVerifierError as exc:
                    return exc

        again = AsyncRetrying(
            stop=stop_after_attempt(self._effort.tries),
            wait=wait_exponential(1, exp_base=4),
            retry=retry_if_result(_may_yet_answer),
        )
        try:
            return await again(once)
        except RetryError as exc:
            last: ScoringResult | NoVerifierError = exc.last_attempt.result()
            return last

    def _result_fields(self, scoring_result: ScoringResult) -> dict[str, Any]:
        raw = scoring_result.matrix.raw.T.tolist()
        names = [member.name for member in scoring_result.members]
        raw_by_name = dict(zip(names, raw, strict=True))
        return {
            "key": query_of_key(scoring_result.keys[0]),
            "model_version": scoring_result.version,
            "calibrated": scoring_result.calibrated,
            "partial": bool(scoring_result.matrix.partial),
            "best": scoring_result.order[0],
            "ranking": list(scoring_result.order),
            "probability": scoring_result.probability.tolist(),
            "score": scoring_result.combined.log_odds.tolist(),
            "p_best": scoring_result.p_best,
            "p_any_correct": scoring_result.p_any_correct,
            "raw": {name: raw_by_name.get(name) for name in self._plan.verifiers},
            "reasons": _reasons(scoring_result),
            "error": None,
        }

    def _stop_if_dead(self, part: Part, results: Sequence[dict[str, Any]]) -> None:
        """Raise if a verifier failed on all rows of a part, before more rows go the same way."""
        answered = [result for result in results if result["error"] is None or result["partial"]]
        if self._effort.keep_going or len(answered) < 2:
            return
        failing = [
            {reason.partition(":")[0]: reason for reason in result["reasons"]}
            for result in answered
        ]
        if dead := set.intersection(*(set(names) for names in failing)):
            message = failing[0][min(dead)]
            raise BatchError(
                f"a verifier failed on all {len(answered)} rows of {part.name}: {message}\nset it"
                " right and run the same command again, which goes on from here; or take the rows"
                " as they are: --keep-going"
            )


def _blocks(plan: BatchPlan, parts: Sequence[Part]) -> Iterator[tuple[Part, Block]]:
    """Yield parts with their rows; one read brings adjacent parts."""
    files = Files(plan.where)
    start = 0
    while start < len(parts):
        stop = start + 1
        while stop < len(parts) and (parts[stop].source, parts[stop].place) == (
            parts[start].source,
            parts[stop - 1].place + 1,
        ):
            stop += 1
        first = parts[start]
        form, source = plan.format(first.source), plan.sources[first.source]
        blocks = form.blocks(files, source, first.place, stop - start)
        yield from zip(parts[start:stop], blocks, strict=True)
        start = stop


def _may_yet_answer(scoring_result: ScoringResult | NoVerifierError) -> bool:
    """Return whether a verifier failed in a way that may not repeat; no verdict is not one."""
    return isinstance(scoring_result, NoVerifierError) or bool(
        np.isin(scoring_result.matrix.status, (Status.ERROR, Status.TIMEOUT)).any()
    )


def _reasons(scoring_result: ScoringResult) -> list[str]:
    """Return why verifiers failed, each once."""
    reason_by_name: dict[str, str] = {}
    for (row, column), reason in sorted(scoring_result.matrix.reasons.items()):
        if scoring_result.matrix.status[row, column] in (
            Status.ERROR,
            Status.TIMEOUT,
            Status.TRUNCATED,
        ):
            reason_by_name.setdefault(scoring_result.members[column].name, reason)
    return [f"{name}: {reason}" for name, reason in sorted(reason_by_name.items())]


def _failed(why: str | None) -> dict[str, Any]:
    return {**dict.fromkeys(RESULT[2:]), "partial": False, "reasons": [], "error": why}


def _counts(results: Sequence[dict[str, Any]]) -> Done:
    bad = sum(result["error"] is not None for result in results)
    return Done(
        len(results),
        bad,
        sum(bool(result["partial"]) and result["error"] is None for result in results),
    )
