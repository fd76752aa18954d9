"""One version for a whole run, wherever its calls come from."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from assay_client import AsyncClient, Client, Run, VersionChangedError
from assay_client.run import run_of
from assay_client.trl import reward_function

from tests.client.answers import pairs, problem
from tests.support.http.canned_server import answering, answering_by_path


def test_a_run_has_a_name_of_its_own_or_a_stated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument, by environment, or new; a copy for a worker has the same."""
    monkeypatch.delenv("ASSAY_RUN", raising=False)
    made, other = Run(), Run()
    assert made.name != other.name
    assert pickle.loads(pickle.dumps(made)).name == made.name  # noqa: S301 - our own
    assert run_of(made) is made
    monkeypatch.setenv("ASSAY_RUN", "night-7")
    assert Run().name == "night-7"
    assert Run("morning").name == "morning"


@pytest.mark.parametrize("name", ["two words", "-dash", "x" * 129, "line\nbreak"])
def test_a_name_that_no_header_carries_is_refused(name: str) -> None:
    """With the form that it must have."""
    with pytest.raises(ValueError, match="run: must be 1 to 128"):
        Run(name)


def test_each_call_of_a_run_names_it() -> None:
    """Also those of a pickled client; a client without a run names none."""
    with answering(200, b'{"ok": 1}') as server:
        client = Client(server.url, run="night-7")
        client.post("/x", {})
        pickle.loads(pickle.dumps(client)).post("/x", {})  # noqa: S301 - our own
        Client(server.url).post("/x", {})

    assert [request.get("x-assay-run") for request in server.seen] == ["night-7", "night-7", None]


def test_another_version_is_an_error_and_not_a_reward() -> None:
    """Of rankings, at doors by their header; another task may have another version."""
    answers = {"/v1/score_pairs": pairs([1.0, 0.0], "math@1")}
    with answering_by_path(answers) as server:
        reward = reward_function("math", Client(server.url), run="night-7")
        first = reward(["q", "q"], ["a", "b"])
        assert (reward.version, reward.settings.run.name) == ("math@1", "night-7")
        answers["/v1/score_pairs"] = pairs([3.0, 0.0], "math@2")
        with pytest.raises(VersionChangedError, match=r"'math@1'.*'math@2'"):
            reward(["q", "q"], ["a", "b"])
        other = {**pairs([3.0, 0.0], "code@5"), "task": "code"}
        answers["/v1/score_pairs"] = other
        assert reward(["q", "q"], ["a", "b"]) != first

    with answering(200, b"[0.5]", x_assay_model_version="math@2") as door:
        run = Run("night-8")
        run.take("math", "math@1")
        with pytest.raises(VersionChangedError):
            Client(door.url, run=run).post("/rerank", {"model": "math"})


@pytest.mark.parametrize("code", ["run_changed", "run_conflict", "version_gone"])
def test_a_service_that_cannot_keep_to_the_version_is_the_same_error(code: str) -> None:
    """It answers 409."""
    with (
        answering_by_path({"*": problem(code)}, status=409) as server,
        pytest.raises(VersionChangedError) as failure,
    ):
        Client(server.url, run="night-7").rank("q", ["a"])

    assert failure.value.code == code


async def test_a_copy_of_a_client_has_its_own_run_and_batches() -> None:
    """On the same connections."""
    with answering_by_path({"*": {"ok": 1}}) as server:
        async with AsyncClient(server.url) as client:
            first, second = client.with_run("a"), client.with_run("b")

    assert first.run is not None
    assert second.run is not None
    assert (first.run.name, second.run.name, client.run) == ("a", "b", None)
    assert first._batches is not client._batches


def test_threads_share_the_first_version() -> None:
    """All but the first of two versions fail, whichever thread has it."""
    run = Run()

    def take(number: int) -> bool:
        try:
            run.take("math", f"math@{number % 2}")
        except VersionChangedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(40)))

    assert sum(taken) == 20


def test_a_run_tells_what_its_answers_warn_of(caplog: pytest.LogCaptureFixture) -> None:
    """By code, for whoever looks; in the log the first, and then ever more rarely."""
    warnings = ["partial: judge: timeout (1 of 2 candidates)", "over_optimisation: look"]
    answers = {"*": {**pairs([1.0]), "warnings": warnings}}
    with answering_by_path(answers) as server:
        reward = reward_function("math", Client(server.url), run="night-7")
        for _ in range(5):
            reward(["q"], ["a"])
        answers["*"] = pairs([1.0])
        reward(["q"], ["a"])
    run = reward.settings.run
    assert run.warned == {"partial": 5, "over_optimisation": 5}
    assert run.warnings["partial"] == warnings[0]
    partial = [record for record in caplog.records if "judge: timeout" in record.getMessage()]
    assert len(partial) == 3
    assert pickle.loads(pickle.dumps(run)).warned == run.warned  # noqa: S301 - our own


@pytest.mark.parametrize(
    ("headers", "codes"),
    [
        ({"x_assay_partial": "true"}, {"partial"}),
        ({"x_assay_over_optimised": "judge"}, {"over_optimisation"}),
        ({"x_assay_partial": "false"}, set()),
    ],
)
def test_a_door_marks_its_answers_by_headers(headers: dict[str, str], codes: set[str]) -> None:
    """Its form has no place for warnings."""
    with answering(200, b"[0.5]", **headers) as door:
        client = Client(door.url, run="night-8")
        client.post("/rerank", {})
    assert client.run is not None
    assert set(client.run.warned) == codes
