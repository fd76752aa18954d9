"""All labels of a file, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.labels import importing
from tests.support.commands.in_process import run
from tests.support.http.canned_server import in_thread


class LabelService:
    """A service that counts labels; `fails`: its answers to requests by their number, from 0."""

    def __init__(self, matched: int, fails: dict[int, tuple[int, Any]]) -> None:
        self.asked: list[tuple[str, int]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Count the labels of a request."""
                labels = json.loads(self.rfile.read(int(self.headers["content-length"])))["labels"]
                status, answer = fails.get(len(asked), (200, None))
                asked.append((self.path, len(labels)))
                counts = {
                    "labels": len(labels),
                    "new": 1,
                    "changed": 1,
                    "unchanged": len(labels) - 2,
                }
                body = json.dumps(
                    answer or {**counts, "matched": min(matched, len(labels))}
                ).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def label_service(
    matched: int = 10**6, fails: dict[int, tuple[int, Any]] | None = None
) -> Iterator[LabelService]:
    """Run such a service."""
    service = LabelService(matched, fails or {})
    with in_thread(service.server):
        yield service


def labels(file: Path, count: int) -> Path:
    """Write a file of labels; line ends of Unicode stand in their texts."""
    rows = [{"query": "K1", "candidate": f"a\u2028{place}", "correct": 1} for place in range(count)]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return file


@pytest.fixture
def ten_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a request hold ten labels."""
    monkeypatch.setattr(importing, "LABELS_A_REQUEST", 10)


def test_what_became_of_the_labels_is_counted(tmp_path: Path) -> None:
    """New, changed, unchanged, and of candidates that were ranked; and what was understood."""
    with label_service() as service:
        done = run("labels", "import", "t", labels(tmp_path / "l.jsonl", 5), "--url", service.url)

    assert service.asked == [("/v1/tasks/t/labels", 5)]
    assert done.stdout == (
        "5 labels sent, 1 of them new, 1 changed, 3 unchanged\n"
        "5 of 5 are of a candidate that was ranked\n"
    )
    understood = "read as JSON lines\nquery: query; candidate: candidate; correct: correct\n"
    assert (done.exit_code, done.stderr) == (0, understood)


def test_a_map_states_columns_and_standard_input_is_a_file() -> None:
    """As CSV under other names; of a file to withdraw as well."""
    content = "ask,response,verdict\n2+2?,4,true\n"
    words = ("--map", "query=ask,correct=verdict", "--url")
    with label_service() as service:
        done = run("labels", "import", "t", "-", *words, service.url, content=content)
        again = run("labels", "import", "t", "-", "--url", service.url, content=content)

    assert (done.exit_code, again.exit_code) == (0, 1)
    assert "query: ask; candidate: response; correct: verdict" in done.stderr
    assert str(again.exception).startswith("-:2: correct: is missing")


@pytest.mark.parametrize(("matched", "code"), [(0, 1), (1, 0)])
def test_labels_of_candidates_that_nobody_ranked_are_told(
    tmp_path: Path, matched: int, code: int
) -> None:
    """With the exit code 1 where all of them are."""
    with label_service(matched) as service:
        done = run("labels", "import", "t", labels(tmp_path / "l.jsonl", 60), "--url", service.url)

    assert f"{matched} of 60 are of a candidate that was ranked" in done.stdout
    assert "to the letter" in done.stderr
    assert done.exit_code == code


@pytest.mark.usefixtures("ten_a_request")
def test_a_long_file_is_tried_as_a_whole_before_any_of_it_is_kept(tmp_path: Path) -> None:
    """Request by request."""
    with label_service() as service:
        done = run("labels", "import", "t", labels(tmp_path / "l.jsonl", 25), "--url", service.url)

    path = "/v1/tasks/t/labels"
    tried = [
        (f"{path}?dry_run=true", 10),
        (f"{path}?dry_run=true", 10),
        (f"{path}?dry_run=true", 5),
    ]
    assert service.asked == [*tried, (path, 10), (path, 10), (path, 5)]
    assert done.stdout.startswith("25 labels sent, 3 of them new, 3 changed, 19 unchanged\n")


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    """And says what would be."""
    file = labels(tmp_path / "l.jsonl", 5)
    with label_service() as service:
        done = run("labels", "import", "t", file, "--dry-run", "--url", service.url)

    assert service.asked == [("/v1/tasks/t/labels?dry_run=true", 5)]
    assert done.stdout.startswith("5 labels would be sent, 1 of them new")


REFUSAL = {"error": {"param": "labels.3.correct", "message": "labels.3.correct: no (got 1)"}}


@pytest.mark.usefixtures("ten_a_request")
@pytest.mark.parametrize(
    ("number", "status", "answer", "requests", "message"),
    [
        (1, 422, REFUSAL, 2, "l.jsonl:14: labels.3.correct: no (got 1); nothing of the file is kept"),
        (3, 422, REFUSAL, 4, "l.jsonl:4: labels.3.correct: no (got 1); nothing of the file is kept"),
        (4, 503, {"error": {"message": "the store is down"}}, 5, "the store is down; lines up to 10 are kept; mend"),
        (4, 200, b"", 5, "lines up to 10 are kept for certain, the next 10 perhaps"),
    ],
)  # fmt: skip
def test_a_failure_says_what_is_kept(
    tmp_path: Path, number: int, status: int, answer: Any, requests: int, message: str
) -> None:
    """Nothing, if it comes while the file is tried."""
    file = labels(tmp_path / "l.jsonl", 25)
    with label_service(fails={number: (status, answer or "no Assay")}) as service:
        done = run("labels", "import", "t", file, "--url", service.url)

    assert done.exit_code == 1
    assert message in str(done.exception)
    assert len(service.asked) == requests


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ('{"query": "K1", "candidate": "b", "correct": 2}', "l.jsonl:26: correct: "),
        ('{"query": "K1"', "l.jsonl:26: not JSON"),
        ('{"query": "K1", "candidate": "a\u20284", "correct": 0}', "l.jsonl:26: correct is 0, and on line 5"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("ten_a_request")
def test_a_wrong_line_anywhere_keeps_the_file_back(tmp_path: Path, last: str, message: str) -> None:
    """Nothing is sent, neither of the lines before."""
    file = labels(tmp_path / "l.jsonl", 25)
    file.write_text(file.read_text() + last)
    with label_service() as service:
        done = run("labels", "import", "t", file, "--url", service.url)

    assert message in str(done.exception)
    assert service.asked == []


def test_a_file_without_labels_is_a_mistake(tmp_path: Path) -> None:
    """It has nothing to send."""
    (tmp_path / "l.csv").write_text("key,correct\n")

    with label_service() as service:
        done = run("labels", "import", "t", tmp_path / "l.csv", "--url", service.url)

    assert (service.asked, str(done.exception)) == ([], f"{tmp_path / 'l.csv'}: has no labels")


def test_large_texts_go_in_requests_that_a_service_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their bytes as well."""
    monkeypatch.setattr(importing, "BYTES_A_REQUEST", 200)

    with label_service() as service:
        run("labels", "import", "t", labels(tmp_path / "l.jsonl", 7), "--url", service.url)

    assert sum(count for path, count in service.asked if "dry" not in path) == 7
    assert len(service.asked) == 4


@pytest.mark.parametrize(
    ("count", "message"),
    [
        ({"withdrawn": 2}, "2 labels do not count: they were withdrawn"),
        ({"older": 2}, "2 labels do not count: their annotators said otherwise later"),
        ({"conflicts": 3}, "3 candidates have annotators who contradict each other"),
    ],
)
def test_labels_that_do_not_count_as_they_stand_are_told(
    tmp_path: Path, count: dict[str, int], message: str
) -> None:
    """The command is not silent where the service warns."""
    answer = {"labels": 5, "new": 3, "changed": 0, "unchanged": 0, "matched": 5, **count}
    with label_service(fails={0: (200, answer)}) as service:
        done = run("labels", "import", "t", labels(tmp_path / "l.jsonl", 5), "--url", service.url)

    assert message in done.stderr
    assert done.exit_code == 0
