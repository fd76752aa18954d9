"""Answers a row as /v1/rank would, with the row beside the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
from pydantic import ValidationError

from assay.service.api import responses as answers
from assay.service.api.errors import ApiError, answer_to, invalid
from assay.service.api.ranking.scoring_requests import scoring_request_from
from assay.service.api.requests import RankRequest
from assay.service.api.task_lookup import find_task
from assay.service.batch.formats import REQUEST, TEXT_COLUMNS
from assay.service.batch.own_output import ANSWER_COLUMNS, check_carried
from assay.service.batch.ranking_rows import RankingRow
from assay.service.batch.scoring_settings import ensemble_hash
from assay.service.batch.set_aside import unwritable, writable
from assay.service.cli.ranking.answers_file import (
    AnswersFile,
    AnswersStream,
    AskedRow,
    EarlierAnswer,
)
from assay.service.cli.ranking.turns import Turn
from assay.service.domain.errors import NoVerifierError
from assay.service.domain.score_keys import query_of_key
from assay.service.learning.tasks.task import Task
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.rankings import RANKING_FIELDS
from assay.service.runtime.engine import Engine

#: Columns of the input that the output has.
DROPPED = REQUEST - TEXT_COLUMNS


@dataclass(frozen=True, slots=True)
class Kept:
    """The earlier answer of a row."""

    earlier: EarlierAnswer
    file: str
    line: int


class Answering:
    """Answers the rows of files; `file`: the one that is being read."""

    def __init__(
        self, engine: Engine, answers_file: AnswersFile | AnswersStream, concurrency: int
    ) -> None:
        self.file = ""
        self._engine, self._answers = engine, answers_file
        self._room = asyncio.Semaphore(concurrency)
        self._hashes: dict[tuple[str, str], str] = {}
        self._checked: set[str] = set()

    def turn(self, row: RankingRow) -> Turn[dict[str, Any] | Kept]:
        """Return the work on a row: an earlier answer, or a new one.

        Raises `StartupError` if the first row of a file has a column of the output's.
        """
        file = self.file
        if isinstance(row.row, RowProblem):
            return self._refused(file, row, row.row.reason)
        taken = frozenset(row.row) - REQUEST
        if file not in self._checked:
            self._checked.add(file)
            check_carried(f"{file}:{row.line}", taken, frozenset(ANSWER_COLUMNS))
        problem = unwritable(row.row) or _clash(taken)
        if problem is not None:
            return self._refused(file, row, problem)
        content = orjson.dumps(row.row, option=orjson.OPT_SORT_KEYS)
        asked = self._asked(file, row, row.row, content)
        if (earlier := self._answers.earlier(asked)) is not None:
            return Turn(_ready(Kept(earlier, file, row.line)), 0)
        return Turn(self._answer(file, row, row.row, asked), len(content))

    def _asked(
        self, file: str, row: RankingRow, fields: dict[str, Any], content: bytes
    ) -> AskedRow:
        try:
            task = find_task(self._engine, fields.get("task") or "default", fields.get("ensemble"))
        except (ApiError, TypeError):
            ensemble = None
        else:
            ensemble = self._ensemble(task)
        row_hash = blake2b(content, digest_size=16).hexdigest()
        return AskedRow((file, _place(fields, row.line)), row_hash, ensemble, row.line)

    def _ensemble(self, task: Task) -> str:
        key = task.name, task.ensemble
        if key not in self._hashes:
            self._hashes[key] = ensemble_hash(self._engine, task)
        return self._hashes[key]

    async def _answer(
        self, file: str, row: RankingRow, fields: dict[str, Any], asked: AskedRow
    ) -> dict[str, Any]:
        beside = {
            "line": row.line,
            "file": file,
            **{name: value for name, value in fields.items() if name not in DROPPED},
        }
        hashes = {"input_hash": asked.row, "ensemble_hash": asked.ensemble}
        async with self._room:
            answer = await self._ranked(row.line, fields)
        if "error" in answer:
            self._answers.failed(asked)
        return {**beside, **answer, **hashes}

    async def _ranked(self, line: int, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the answer's fields, or the error's."""
        # Without the verifiers' scores, no model could be fitted on the file.
        body = {"explain": True}
        body |= {name: value for name, value in fields.items() if name in REQUEST}
        engine = self._engine
        try:
            payload = RankRequest.model_validate_json(
                orjson.dumps(body), context=engine.config.service
            )
            scoring_request, shape = scoring_request_from(
                engine, payload, find_task(engine, payload.task, payload.ensemble), f"line-{line}"
            )
            scoring_result = await engine.scoring.scorer.score(scoring_request)
        except ValidationError as exc:
            failure = invalid(exc)
        except NoVerifierError as exc:
            failure = answer_to(exc)
        except ApiError as exc:
            failure = exc
        else:
            answer = answers.ranking_body(scoring_result, **shape)
            del answer["id"]  # the row's own stands there
            return {"key": query_of_key(scoring_result.keys[0]), **answer}
        error: dict[str, Any] = orjson.loads(failure.body())
        return error

    def _refused(self, file: str, row: RankingRow, reason: str) -> Turn[dict[str, Any] | Kept]:
        """Return the error of a row that is no request; it has the row's id, as answers have."""
        came = row.came if isinstance(row.came, Mapping) else {}
        self._answers.failed(AskedRow((file, _place(came, row.line)), None, None, row.line))
        named = {"id": came["id"]} if unwritable(came) is None and _id_of(came) is not None else {}
        error = _unreadable(reason)
        answer = {"line": row.line, "file": file, **named, "input": writable(row.came), **error}
        return Turn(_ready(answer), 0)


def _unreadable(reason: str) -> dict[str, Any]:
    field = reason.partition(":")[0]
    error = {
        "type": "invalid_request_error",
        "message": reason,
        "param": field if field in RANKING_FIELDS else None,
        "code": "unreadable_row",
    }
    return {"error": error}


async def _ready(answer: dict[str, Any] | Kept) -> dict[str, Any] | Kept:
    return answer


def _id_of(fields: Mapping[str, Any]) -> Any:
    own = fields.get("id")
    return own if isinstance(own, str | int | float) else None


def _place(fields: Mapping[str, Any], line: int) -> Any:
    """Return what a row is known by: its own id, or its line."""
    own = _id_of(fields)
    return line if own is None else ("id", own)


def _clash(taken: frozenset[str]) -> str | None:
    """Return why a row's columns cannot stand beside an answer; None where they can."""
    clashing = sorted(taken & frozenset(ANSWER_COLUMNS))
    return f"{clashing[0]!r} is also one of the output's columns; rename it" if clashing else None
