"""Builds the application."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from assay.service.api import errors
from assay.service.api import requests as schemas
from assay.service.api import tasks as task_routes
from assay.service.api.compat import COMPAT_ROUTES, compat_router
from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.stack import MiddlewareStack
from assay.service.api.health import health_router
from assay.service.api.label_requests import LabelsIn, WithdrawalsIn
from assay.service.api.ranking.routes import SCORING, rank_router
from assay.service.config.model import Config
from assay.service.domain.errors import StartupError
from assay.service.runtime.lifespan import open_engine
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Transport

DESCRIPTION = "Tells which of several candidate LLM answers to trust."


def assay_version() -> str:
    """Return the installed version."""
    try:
        return version("assay-ensemble")
    except PackageNotFoundError:
        return "unknown"


def create_app(
    config: Config, transport: Transport | None = None, start: str | None = None
) -> MiddlewareStack:
    """Return the application behind its middlewares; its lifespan opens and closes its parts.

    `start` names the start of a service of several workers.
    """
    metrics, backend = Metrics(), Backend()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with open_engine(config, metrics, transport, serving=True, start=start) as engine:
                app.state.engine = engine
                backend.tracing = engine.resources.tracing
                backend.rate_limiter = engine.rate_limiter
                # What is there now stays: keeping it out of the collector's walks is worth a fifth
                # of the slow requests.
                gc.collect()
                gc.freeze()
                gc.set_threshold(100_000, 50, 50)
                yield
        except StartupError as exc:
            backend.startup_error = exc  # shown in a line; the framework would show a traceback
            raise

    app = FastAPI(
        title="Assay",
        version=assay_version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        root_path=config.service.root_path,
        license_info={"name": "Apache-2.0"},
        redirect_slashes=False,  # they would lead to the Host that the client claims
    )
    app.include_router(rank_router)
    app.include_router(health_router)
    app.include_router(task_routes.task_router)
    app.include_router(compat_router)
    errors.install_error_handlers(app)
    _document(app)
    scoring = {**SCORING, **{path: route.handler for path, route in COMPAT_ROUTES.items()}}
    shapes = {path: route.shape for path, route in COMPAT_ROUTES.items()}
    return MiddlewareStack(app, config.service, metrics, backend, scoring, shapes)


def _document(app: FastAPI) -> None:
    """Add to the OpenAPI document the models of the bodies that handlers read themselves."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        components = document.setdefault("components", {}).setdefault("schemas", {})
        ours: list[type[BaseModel]] = [
            schemas.RankRequest,
            schemas.ScorePairsRequest,
            LabelsIn,
            WithdrawalsIn,
        ]
        for model in [*ours, *(route.form for route in COMPAT_ROUTES.values())]:
            definitions = model.model_json_schema(ref_template="#/components/schemas/{model}").get(
                "$defs", {}
            )
            components.update(definitions)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending the document
