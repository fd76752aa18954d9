"""`assay rank`: a file of queries through the service's own code, without a server."""

from __future__ import annotations

import asyncio
import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import orjson
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from assay.aggregation.whole_file import save_file
from assay.service.api import responses as answers
from assay.service.api.errors import ApiError, answer_to, invalid
from assay.service.api.ranking.scoring_requests import scoring_request_from
from assay.service.api.requests import RankRequest
from assay.service.api.task_lookup import find_task
from assay.service.cli.console import Console
from assay.service.cli.outputs import check_output
from assay.service.config.loading import default_config_path
from assay.service.domain.errors import NoVerifierError, StartupError
from assay.service.runtime.configuration import load_config
from assay.service.runtime.engine import Engine
from assay.service.runtime.lifespan import open_engine
from assay.service.telemetry.logs import configure_logging
from assay.service.telemetry.metrics import Metrics

Line = tuple[int, bytes]
#: How each written line begins: a first one may be unfinished.
BEGIN = b'{"line":'


def rank_file(
    path: Path,
    out: Path,
    config_path: Path | None,
    flags: Mapping[str, Any],
    concurrency: int,
    as_json: bool,
) -> None:
    """Answer each line of `path` into `out`; a second run continues an interrupted one.

    A line of `out` is an answer of /v1/rank, or {"error"}, with the number of its input line
    under `line`.

    Raises `StartupError` if `out` is an input, or a file of something else.
    """
    check_output(out, path, config_path)
    config = load_config(config_path or default_config_path(), {**flags, "log_level": "warning"})
    configure_logging(config.service)
    done = settled(out)
    raw = path.read_bytes().removeprefix(BOM_UTF8)
    lines = [
        (number, line)
        for number, line in enumerate(raw.splitlines(), 1)
        if line.strip() and number not in done
    ]
    failed = 0

    async def run(out_file: IO[bytes]) -> None:
        nonlocal failed
        async with open_engine(config, Metrics()) as engine:
            room = asyncio.Semaphore(concurrency)

            async def answer_of(line: Line) -> dict[str, Any]:
                async with room:
                    return await _answer(engine, line)

            with Progress(
                TextColumn("ranking"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            ) as bar:
                task = bar.add_task("ranking", total=len(lines))
                for start in range(
                    0, len(lines), 64 * concurrency
                ):  # so that a large file is not a task a line at once
                    for ready in asyncio.as_completed(
                        [answer_of(line) for line in lines[start : start + 64 * concurrency]]
                    ):
                        answer = await ready
                        failed += "error" in answer
                        out_file.write(orjson.dumps(answer) + b"\n")
                        out_file.flush()
                        bar.advance(task)

    with out.open("ab") as out_file:
        asyncio.run(run(out_file))
    summary = {
        "ranked": len(lines) - failed,
        "failed": failed,
        "already_there": len(done),
        "out": str(out),
    }
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - this is the command's output
    else:
        Console().print(
            f"{summary['ranked']} ranked, {failed} failed, {len(done)} already in {out}",
            highlight=False,
        )
    if failed:
        raise SystemExit(1)


def settled(out: Path) -> set[int]:
    """Return the input lines that have an answer.

    It removes errors and an unfinished line from the file, so that they are tried again.
    Raises `StartupError` for a file without one line of this command's: it is something else.
    """
    if not out.is_file():  # nor does a pipe or a device hold answers
        return set()
    raw = out.read_bytes()
    answers_by_line = [
        (line, answer) for line in raw.splitlines() if (answer := _written(line)) is not None
    ]
    unfinished = raw[: len(BEGIN)] == BEGIN[: len(raw)] and b"\n" not in raw
    if not answers_by_line and raw.strip() and not unfinished:
        raise StartupError(f"{out}: holds something other than answers; name another file")
    kept = [line for line, answer in answers_by_line if "error" not in answer]
    done = {answer["line"] for _, answer in answers_by_line if "error" not in answer}
    wanted = b"".join(line + b"\n" for line in kept)
    if wanted != raw:
        save_file(out, wanted)
    return done


def _written(line: bytes) -> dict[str, Any] | None:
    """Return an answer or an error that this command wrote; None for any other line."""
    try:
        answer = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    is_ours = isinstance(answer, dict) and isinstance(answer.get("line"), int)
    return answer if is_ours else None


async def _answer(engine: Engine, line: Line) -> dict[str, Any]:
    number, raw = line
    try:
        payload = RankRequest.model_validate_json(raw, context=engine.config.service)
        scoring_request, shape = scoring_request_from(
            engine, payload, find_task(engine, payload.task, payload.ensemble), f"line-{number}"
        )
        return {
            "line": number,
            **answers.ranking_body(await engine.scoring.scorer.score(scoring_request), **shape),
        }
    except ValidationError as exc:
        failure = invalid(exc)
    except NoVerifierError as exc:
        failure = answer_to(exc)
    except ApiError as exc:
        failure = exc
    return {"line": number, **orjson.loads(failure.body())}
