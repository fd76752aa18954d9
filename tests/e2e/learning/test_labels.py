"""Labels over HTTP: matched or not, of several annotators, changed, withdrawn, listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.servers.processes import Server, service
from tests.support.servers.reading_kind import config, installed

ASKED = {"query": "q", "candidates": ["1 1 1 1", "0 0 0 0"], "reference": "7", "task": "math"}


@pytest.fixture(scope="module")
def labels_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where labels of a task go, and the key of a candidate that it has just ranked."""
    folder = tmp_path_factory.mktemp("labels")
    with service(config(folder), folder, env=installed(folder)) as running:
        yield f"{running.url}/v1/tasks/math/labels", ranked_key(running)


def ranked_key(running: Server) -> str:
    """Return the key of the best candidate of a request."""
    return str(running.post("/v1/rank", ASKED).json["results"][0]["key"])


def send(url: str, **label: Any) -> Any:
    """Send a label; return the answer."""
    return httpx.post(url, json={"labels": [label]}, timeout=60).json()


def test_a_label_right_after_its_ranking_matches(labels_url: tuple[str, str]) -> None:
    """By key, and by the same texts; the answer marks other texts as unmatched."""
    url, key = labels_url
    texts = {"query": "q", "candidate": "1 1 1 1", "correct": 1}

    by_key = send(url, key=key, correct=1, who="key")
    by_text = send(url, **texts, reference="7", who="text")
    without = send(url, **texts, who="without")

    assert (by_key["matched"], by_text["matched"], without["matched"]) == (1, 1, 0)
    assert by_text["results"][0]["key"] == key
    assert without["warnings"][0].startswith("unmatched: ")


@pytest.mark.parametrize("who", ["ann", "bob é/?&", ""])
def test_a_label_is_changed_and_withdrawn_with_its_history(
    labels_url: tuple[str, str], who: str
) -> None:
    """A DELETE needs no content type; of another origin it is refused."""
    url, _ = labels_url
    key = f"{len(who):032x}:{0:032x}"
    first, second = send(url, key=key, correct=1, who=who), send(url, key=key, correct=0, who=who)

    foreign = httpx.delete(f"{url}/{key}", headers={"origin": "http://evil"}, timeout=60)
    gone = httpx.delete(f"{url}/{key}", params={"who": who}, timeout=60)
    again = httpx.delete(f"{url}/{key}", params={"who": who}, timeout=60)
    listed = httpx.get(url, params={"history": True}, timeout=60).json()["labels"]

    assert (first["new"], second["changed"]) == (1, 1)
    assert (foreign.status_code, gone.status_code, again.status_code) == (403, 200, 404)
    assert again.json()["error"]["code"] == "unknown_label"
    [shown] = [label for label in listed if label["key"] == key]
    assert [event["correct"] for event in shown["history"]] == [1.0, 0.0, None]
    assert {event["who"] for event in shown["history"]} == {who or None}
