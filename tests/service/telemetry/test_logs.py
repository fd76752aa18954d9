"""The log, for people and for machines."""

from __future__ import annotations

import pytest
import structlog

from assay.service.config.settings import ServiceSettings
from assay.service.telemetry.logs import configure_logging
from tests.support.terminals import HOSTILE, harmless


def test_the_log_for_people_does_not_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Errors of servers are in its fields."""
    before = structlog.get_config()
    try:
        configure_logging(ServiceSettings(log_json=False))
        structlog.get_logger().warning(
            "verifier_served_wrongly",
            seen=HOSTILE,
            error=f"x\n{HOSTILE}",
            name="\x1b]0;owned\x07\x1b[2J",
        )
    finally:
        structlog.configure(**before)
    shown = capsys.readouterr().err

    assert harmless(shown)
