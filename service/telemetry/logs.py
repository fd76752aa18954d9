"""The log: how events are written, for people or as JSON lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from assay.service.config.settings import ServiceSettings
from assay.service.telemetry.tracebacks import without_text
from assay.verifiers import printable


def printable_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a log event whose texts are fit for a terminal; a step of structlog's."""
    return {
        name: printable(value) if isinstance(value, str) else value for name, value in event.items()
    }


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
