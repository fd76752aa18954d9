"""How events are written to the log."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from assay.service.config.settings import ServiceSettings
from assay.service.telemetry.logs import configure_logging, printable_fields
from tests.support.commands.terminals import HOSTILE, harmless


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave structlog as it was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_json_line_has_the_event_its_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, where a command's answer does not go; an exception without its text."""
    configure_logging(ServiceSettings(log_json=True))
    candidate = "my secret text"
    try:
        int(candidate)
    except ValueError:
        structlog.get_logger().exception("verifier_bug", verifier="v\x1b[2J")
    printed = capsys.readouterr()

    line = json.loads(printed.err)
    assert printed.out == ""
    assert (line["event"], line["level"], line["verifier"]) == ("verifier_bug", "error", "v\x1b[2J")
    assert line["timestamp"].endswith("Z")
    assert line["exception"].endswith("ValueError")
    assert "secret" not in printed.err


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_is_not_written(
    level: str, events: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The level is the least that is."""
    configure_logging(ServiceSettings(log_json=True, log_level=level))
    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == events


def test_what_a_request_bound_is_in_each_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as its id."""
    configure_logging(ServiceSettings(log_json=False))
    with structlog.contextvars.bound_contextvars(request_id="r7"):
        structlog.get_logger().info("ranked")

    assert "request_id=r7" in capsys.readouterr().err


def test_only_texts_are_made_fit_for_a_terminal() -> None:
    """Numbers stay numbers."""
    event = printable_fields(None, "", {"event": "x\x1b[2J", "count": 3, "missing": None})

    assert "\x1b" not in event["event"]
    assert (event["count"], event["missing"]) == (3, None)


def test_the_log_for_people_does_not_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Errors of servers are in its fields."""
    configure_logging(ServiceSettings(log_json=False))
    structlog.get_logger().warning(
        "verifier_served_wrongly",
        seen=HOSTILE,
        error=f"x\n{HOSTILE}",
        name="\x1b]0;owned\x07\x1b[2J",
    )

    assert harmless(capsys.readouterr().err)
