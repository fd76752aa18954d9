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


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ((), "format=dpo"),
        (("--format", "sft", "--min-p", "0.9"), "format=sft&min_p=0.9"),
        (("--min-gap", "0.4", "--min-p", "0"), "format=dpo&min_p=0.0&min_gap=0.4"),
        (("--probably-wrong",), "format=dpo&probably_wrong=true"),
        (("--uncalibrated",), "format=dpo&uncalibrated=true"),
        (("--margin", "0.3", "--threshold", "0.8"), "format=dpo&margin=0.3&threshold=0.8"),
    ],
)
def test_an_export_states_what_its_words_say(
    tmp_path: Path, words: tuple[str, ...], query: str
) -> None:
    """The service has the defaults, and makes the rows."""
    with answering_by_path({"*": []}) as service:
        run("export", "math", tmp_path / "out.jsonl", *words, "--url", service.url)

    assert [path for path, _ in service.asked] == [f"/v1/tasks/math/export?{query}"]


@pytest.mark.parametrize(
    "words",
    [
        ("shadow", "math", "0"),
        ("export", "math", "o.jsonl", "--margin", "1.5"),
        ("export", "math", "o.jsonl", "--threshold", "0.4"),
        ("export", "math", "o.jsonl", "--min-p", "-0.1"),
        ("export", "math", "o.jsonl", "--min-gap", "2"),
    ],
)
def test_what_no_service_would_take_is_refused_here(words: tuple[str, ...]) -> None:
    """Before any request."""
    assert run(*words).exit_code == 2
