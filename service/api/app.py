"""Builds the application."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from pydantic import BaseModel

from assay.service.api import errors
from assay.service.api import rank as routes
from assay.service.api import requests as schemas
from assay.service.api import tasks as task_routes
from assay.service.api.compat import DOORS, door_router
from assay.service.api.front.middleware import Gate
from assay.service.cli.console import printable_fields
from assay.service.config.model import Config, load_config
from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import StartupError
from assay.service.runtime.engine import open_engine
from assay.service.server.orphans import end_with_parent
from assay.service.telemetry.metrics import Metrics
from assay.service.telemetry.tracebacks import without_text
from assay.verifiers import Transport

DESCRIPTION = "Tells which of several candidate LLM answers to trust."
#: Where worker processes find what the command line said.
CONFIG_VARIABLE = "ASSAY_CONFIG"
#: … and which start of the service they belong to.
START_VARIABLE = "ASSAY_START"


def assay_version() -> str:
    """Return the installed version."""
    try:
        return version("assay-ensemble")
    except PackageNotFoundError:
        return "unknown"


def create_app(
    config: Config, transport: Transport | None = None, start: str | None = None
) -> Gate:
    """Return the application behind its gate; its parts are opened and closed with its lifespan.

    `start` names the start of a service of several workers.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with open_engine(config, metrics, transport, serving=True, start=start) as engine:
                app.state.engine = engine
                # What is there now stays: keeping it out of the collector's walks is worth a fifth
                # of the slow requests.
                gc.collect()
                gc.freeze()
                gc.set_threshold(100_000, 50, 50)
                yield
        except StartupError as exc:
            app.state.refused = (
                exc  # the gate says it in a line, where the framework would show its traceback
            )
            raise

    app = FastAPI(
        title="Assay",
        version=assay_version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        root_path=config.service.root_path,
        license_info={"name": "Apache-2.0"},
        redirect_slashes=False,  # they would lead to whatever the client said our Host was
    )
    app.include_router(routes.router)
    app.include_router(task_routes.task_router)
    app.include_router(door_router)
    errors.install(app)
    _document(app)
    scoring = {**routes.SCORING, **{path: door.handler for path, door in DOORS.items()}}
    return Gate(
        app, config.service, metrics, scoring, {path: door.shape for path, door in DOORS.items()}
    )


def worker_app() -> Gate:
    """Return the application as configured by the environment; what each worker process calls."""
    end_with_parent()
    config = load_config(Path(os.environ[CONFIG_VARIABLE]))
    configure_logging(config.service)
    return create_app(config, start=os.environ[START_VARIABLE])


def configure_logging(settings: ServiceSettings) -> None:
    """Log to standard error, for people or as JSON lines."""
    steps: list[Any] = [structlog.processors.JSONRenderer()]
    if not settings.log_json:
        steps = [printable_fields, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            without_text,
            *steps,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _document(app: FastAPI) -> None:
    """Add to the OpenAPI document the models of the bodies that handlers read themselves."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        components = document.setdefault("components", {}).setdefault("schemas", {})
        ours: list[type[BaseModel]] = [
            schemas.RankRequest,
            schemas.ScorePairsRequest,
            task_routes.LabelsIn,
        ]
        for model in [*ours, *(door.form for door in DOORS.values())]:
            definitions = model.model_json_schema(ref_template="#/components/schemas/{model}").get(
                "$defs", {}
            )
            components.update(definitions)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending the document
