"""The routes of a service's state: health, readiness, metrics, and the way to the documents."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from assay.service.runtime.engine import Engine

health_router = APIRouter()


@health_router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@health_router.get(
    "/readyz", responses={503: {"description": "No verifier of the default ensemble answers."}}
)
async def readyz(request: Request) -> Response:
    """Report the verifiers that answer; 200 when one of the default ensemble does.

    Callers without the right to their names get their number.
    """
    ready, body = await request.app.state.engine.readiness.report()
    if not request.scope.get("assay.informed"):
        states = list(body["verifiers"].values())
        public_fields = {
            key: body[key] for key in ("status", "store", "store_reason")
        }  # words of ours, which name nothing
        body = {**public_fields, "answering": states.count("ok"), "of": len(states)}
    return Response(orjson.dumps(body), 200 if ready else 503, media_type="application/json")


@health_router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return Prometheus metrics."""
    engine: Engine = request.app.state.engine
    return Response(engine.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@health_router.get("/", include_in_schema=False)
async def root(request: Request) -> Response:
    """Lead to the documentation."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")
