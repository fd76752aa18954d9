"""Running the server: one process, or several that share one store."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from prometheus_client import multiprocess
from uvicorn.supervisors import Multiprocess

from assay.service.api.app import create_app
from assay.service.config.loading import default_config_path
from assay.service.config.model import Config
from assay.service.config.settings import VARIABLE_PREFIX, ServiceSettings
from assay.service.domain.errors import StoreError
from assay.service.domain.secrets import error_line
from assay.service.learning.configured_models import load_models
from assay.service.runtime.configuration import load_config
from assay.service.server.bounded_server import bounded
from assay.service.server.worker import CONFIG_VARIABLE, START_VARIABLE
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.telemetry.logs import configure_logging

log = structlog.get_logger()

ACCEPTS_A_TURN = 16
MOST_FILES = 65_536


def run_server(path: Path | None, flags: Mapping[str, Any]) -> None:
    """Serve until a signal.

    Raises `ConfigError` or `EmbeddedStoreError`, and `SystemExit` where the start failed.
    """
    path = path or default_config_path()
    config = load_config(path, flags)
    load_models(config)  # a wrong model gives one message here, not a failed start of each worker
    configure_logging(config.service)
    if config.service.redis_url is not None:
        asyncio.run(_look_at_store(config.service.redis_url))  # the same holds for the store
    warn_if_open(config)
    allow_files()
    if config.service.workers == 1:
        serving = server(config)
        sockets = listening(serving.config, config.service)
        try:
            serving.run(sockets=sockets)
        except SystemExit:  # the start failed and printed the reason
            raise SystemExit(2) from None
    else:
        _run_many(path, config, flags)


async def _look_at_store(url: str) -> None:
    """Raise `StartupError` for a store that will not do; one that does not answer yet may come."""
    store = Store(url, connections=1)
    try:
        await store.check()
    except StoreError as exc:
        log.warning("store_not_there_yet", error=error_line(exc))
    finally:
        await store.close()


def server(config: Config) -> uvicorn.Server:
    """Return a server of one process."""
    return uvicorn.Server(uvicorn.Config(create_app(config), **_options(config)))


def listening(options: uvicorn.Config, settings: ServiceSettings) -> list[socket.socket]:
    """Return the listening socket several times, and the administrator's if it is another.

    uvloop takes one connection a turn of its loop from a listener. Under load a turn is long, and
    the service cannot refuse a connection that it has not taken: it would wait in the kernel's
    queue, for seconds. Each copy takes one more a turn.
    """
    first = options.bind_socket()
    sockets = [first, *(first.dup() for _ in range(ACCEPTS_A_TURN - 1))]
    if settings.admin_port is not None:
        sockets.append(
            uvicorn.Config(
                options.app, host=settings.admin_host, port=settings.admin_port
            ).bind_socket()
        )
    return sockets


def allow_files() -> None:
    """Raise the limit of open files as far as allowed, since each connection is one."""
    if find_spec("resource"):  # Windows has none
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def warn_if_open(config: Config) -> None:
    """Say so when others than this machine may ask and no key is needed."""
    settings = config.service
    if (
        settings.host not in ("127.0.0.1", "::1", "localhost")
        and not settings.api_keys
        and not settings.keys
    ):
        log.warning(
            "open_to_the_network",
            host=settings.host,
            hint="anyone who reaches it may use it: set ASSAY_API_KEYS",
        )


def _run_many(path: Path, config: Config, flags: Mapping[str, Any]) -> None:
    """Start the shared store here, and pass workers their settings by the environment."""
    settings = config.service
    with ExitStack() as stack:
        url = settings.redis_url
        if url is None:
            embedded = EmbeddedStore(settings.data_dir / "store", settings.cache_max_mb)
            stack.callback(embedded.stop)
            embedded.start()
            url = embedded.url
        metrics = stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-metrics-"))
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        os.environ[CONFIG_VARIABLE] = str(path.absolute())
        os.environ[START_VARIABLE] = secrets.token_hex(8)
        for name, value in {**flags, "redis_url": url}.items():
            if value is not None:
                os.environ[VARIABLE_PREFIX + name.upper()] = str(value)
        options = uvicorn.Config(
            "assay.service.server.worker:worker_app",
            factory=True,
            workers=settings.workers,
            **_options(config),
        )
        WorkerProcesses(options, listening(options, settings)).run()


class WorkerProcesses(Multiprocess):
    """Worker processes; the gauges of a dead worker's running requests go with it."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._known: set[int] = set()

    def keep_subprocess_alive(self) -> None:
        """Restart dead workers, and remove their running requests from the metrics."""
        super().keep_subprocess_alive()
        alive = {process.pid for process in self.processes if process.pid is not None}
        for gone in self._known - alive:
            multiprocess.mark_process_dead(gone)  # type: ignore[no-untyped-call]
        self._known = alive


def _options(config: Config) -> dict[str, Any]:
    settings = config.service
    return {
        "host": settings.host,
        "port": settings.port,
        "root_path": settings.root_path,
        "log_level": "info" if settings.log_level == "info" else settings.log_level,
        "access_log": settings.log_level == "debug",
        "server_header": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": settings.grace_s,
        "backlog": 4096,
        **bounded(),
    }
