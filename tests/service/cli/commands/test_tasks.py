"""The commands about the tasks of a running service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands.in_process import run, said
from tests.support.http.canned_server import answering_by_path


def asked(*words: str | Path) -> list[tuple[str, object]]:
    """Return a command's requests to a service."""
    with answering_by_path({"*": {"serving": 2, "pinned": True}}) as service:
        run(*words, "--url", service.url)
    return service.asked


def test_tasks_are_listed() -> None:
    """As JSON they equal the service's answer."""
    with answering_by_path({"/v1/tasks": {"tasks": [{"task": "math"}]}}) as service:
        assert said("tasks", "--url", service.url) == [{"task": "math"}]


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (("promote", "math"), "/v1/tasks/math/rollback", {}),
        (("promote", "math", "3"), "/v1/tasks/math/models/3/promote", {"pinned": None}),
        (("promote", "math", "3", "--pin"), "/v1/tasks/math/models/3/promote", {"pinned": True}),
        (("promote", "math", "3", "--unpin"), "/v1/tasks/math/models/3/promote", {"pinned": False}),
        (("shadow", "math", "3"), "/v1/tasks/math/models/3/shadow", None),
        (("report", "math"), "/v1/tasks/math/evaluate", {}),
        (("report", "math", "--last"), "/v1/tasks/math/report", None),
    ],
)
def test_a_command_asks_for_what_its_words_say(
    words: tuple[str, ...], path: str, body: object
) -> None:
    """Without a version the one before is promoted; a report is made unless the last will do."""
    assert asked(*words)[0] == (path, body)


def test_an_export_states_its_shape_and_thresholds(tmp_path: Path) -> None:
    """The service makes the rows."""
    words = ("export", "math", tmp_path / "out.jsonl", "--format", "sft", "--threshold", "0.9")

    [(path, _)] = asked(*words)

    assert path == "/v1/tasks/math/export?format=sft&margin=0.2&threshold=0.9"


@pytest.mark.parametrize(
    "words",
    [
        ("shadow", "math", "0"),
        ("export", "math", "o.jsonl", "--margin", "1.5"),
        ("export", "math", "o.jsonl", "--threshold", "0.4"),
    ],
)
def test_what_no_service_would_take_is_refused_here(words: tuple[str, ...]) -> None:
    """Before any request."""
    assert run(*words).exit_code == 2
