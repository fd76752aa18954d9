"""The client, as a sampler or a trainer uses it."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from assay_client import (
    AsyncClient,
    Client,
    NoScoreError,
    OverloadedError,
    Ranking,
    RequestError,
    UnreachableError,
    abest_of_n,
    best_of_many,
    best_of_n,
)
from assay_client.litellm import chat_settings, proxy_models, rerank_settings
from assay_client.trl import PairwiseJudge, reward_function
from assay_client.verl import compute_score

from tests.client.asked import BAD, GOOD, QUERY, QUICK
from tests.support.servers.processes import Server, call, service, standin, write_config


def test_a_priority_goes_along(running: Server) -> None:
    """The service refuses an invalid priority."""
    with Client(running.url, retrying=QUICK, priority="bulk") as bulk:
        assert bulk.rank(QUERY, [BAD, GOOD]).best.index == 1
    with (
        Client(running.url, retrying=QUICK, priority="urgent") as wrong,  # type: ignore[arg-type]
        pytest.raises(RequestError, match="urgent"),
    ):
        wrong.rank(QUERY, [BAD, GOOD])


def test_a_ranking_is_typed(client: Client) -> None:
    """Texts or conversations, candidates with ids, verifiers' results with `explain`."""
    ranking = client.rank(
        [{"role": "user", "content": QUERY}],
        [{"id": "a", "text": BAD}, GOOD],
        task="math",
        explain=True,
    )

    assert isinstance(ranking, Ranking)
    assert (ranking.best.index, ranking.results[1].id, ranking.task) == (1, "a", "math")
    assert ranking.best.verifiers["arithmetic"].raw == 1.0
    assert ranking.best.verifiers["reference"].raw is None
    assert ranking.probabilities() == [None, None]
    first, second = client.rank(
        QUERY, [BAD, GOOD], task="math", uncalibrated="number"
    ).probabilities()
    assert first is not None
    assert second is not None
    assert first < second
    [one, other] = client.score_pairs(
        [(QUERY, GOOD), {"query": QUERY, "candidate": BAD}], task="math"
    ).results
    assert (one.probability, other.probability) == (None, None)
    assert one.score is not None
    assert other.score is not None
    assert one.score > other.score


def test_labels_and_streams(client: Client) -> None:
    """A label by the key of a result; events as they come, the ranking last."""
    ranking = client.rank(QUERY, [GOOD, BAD], task="math")
    by_key = {"key": ranking.best.key, "correct": True}
    by_texts = {
        "query": [{"role": "user", "content": QUERY}],
        "candidate": GOOD,
        "correct": True,
        "random": True,
    }
    said, again = client.label("math", [by_key]), client.label("math", [by_texts])
    events = list(client.stream(QUERY, [GOOD, BAD], task="math"))

    assert said["durable"] is True
    assert again["new"] == 0
    assert [name for name, _ in events] == ["verifier", "verifier", "ranking"]
    assert events[-1][1].best.index == 0


def test_what_is_wrong_is_an_error_with_its_field(client: Client) -> None:
    """And is not tried again; a service that is away is."""
    with pytest.raises(RequestError, match="candidates") as wrong:
        client.rank(QUERY, [])
    with pytest.raises(RequestError, match="choose from: default, math"):
        list(client.stream(QUERY, [GOOD], task="nope"))
    with pytest.raises(UnreachableError, match="does not answer"):
        Client("http://127.0.0.1:9", retrying=QUICK).rank(QUERY, [GOOD])

    assert (wrong.value.status, wrong.value.param) == (422, "candidates")


async def test_the_asynchronous_client_does_the_same_and_sends_what_comes_together_together(
    running: Server,
) -> None:
    """Forty pairs at once are one request; each gets its own answer."""
    async with AsyncClient(running.url) as client:
        ranking = await client.rank(QUERY, [BAD, GOOD])
        before = requests(running)
        texts = [f"3 + 4 = {number}" for number in range(40)]
        chances = await asyncio.gather(
            *(client.score(QUERY, text, uncalibrated="number") for text in texts)
        )
        after = requests(running)
        events = [name async for name, _ in client.stream(QUERY, [GOOD, BAD])]
        with pytest.raises(RequestError, match="nope"):
            await client.score(QUERY, GOOD, task="nope")

    assert ranking.best.index == 1
    assert after - before == 1
    assert max(range(40), key=lambda place: chances[place] or 0) == 7
    assert events[-1] == "ranking"


def requests(running: Server) -> float:
    """Return how many requests for pairs there were."""
    lines = running.get("/metrics").raw.decode().splitlines()
    return sum(
        float(line.split()[-1])
        for line in lines
        if line.startswith('assay_requests_total{path="/v1/score_pairs"')
    )


def test_best_of_n_takes_any_sampler(client: Client) -> None:
    """A call gives one answer or several; the best comes back with its scores."""
    answers = iter([BAD, "no idea", GOOD, BAD])

    found = best_of_n(lambda query: next(answers), QUERY, 4, client=client, task="math")
    several = best_of_n(lambda query: [BAD, GOOD, BAD], QUERY, 5, client=client)

    assert (found.text, len(found.candidates), found.ranking.task) == (GOOD, 4, "math")
    assert found.probability == found.ranking.best.probability
    assert (several.text, len(several.candidates)) == (GOOD, 5)
    with pytest.raises(ValueError, match="no answer"):
        best_of_n(lambda query: [], QUERY, client=client)


async def test_best_of_n_runs_coroutines_at_once(running: Server) -> None:
    """The first call tells how many answers one brings; the others run together."""
    at_once, most = 0, 0

    async def generate(query: Any) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)  # the others begin meanwhile
        at_once -= 1
        return GOOD if most > 1 else BAD

    async with AsyncClient(running.url) as client:
        found = await abest_of_n(generate, QUERY, 6, client=client)
        plain = await abest_of_n(lambda query: [BAD, GOOD], QUERY, 4, client=client)

    assert found.text == GOOD
    assert most == 5
    assert plain.text == GOOD


class Flaky(BaseHTTPRequestHandler):
    """A server that gives prepared answers in order."""

    statuses: list[int] = []  # noqa: RUF012 - the test's own
    seen = 0

    def do_POST(self) -> None:
        """Answer with the next status."""
        type(self).seen += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        status = self.statuses.pop(0)
        raw = (
            b'{"error": {"message": "busy", "code": "queue_full"}}'
            if status != 200
            else b'{"ok": 1}'
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Retry-After", "0.01")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def test_it_tries_again_where_that_can_help() -> None:
    """After 429 and a gateway's 5xx, up to the set number of tries; not after a wrong request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Client(f"http://127.0.0.1:{server.server_port}", retrying=QUICK) as client:
        Flaky.statuses, Flaky.seen = [429, 503, 200], 0
        assert client.post("/x", {}) == {"ok": 1}
        assert Flaky.seen == 3
        Flaky.statuses = [429, 429, 429]
        with pytest.raises(OverloadedError, match="busy"):
            client.post("/x", {})
        Flaky.statuses, Flaky.seen = [400], 0
        with pytest.raises(RequestError):
            client.post("/x", {})
        assert Flaky.seen == 1
    server.shutdown()
    server.server_close()


def test_trl_gets_a_reward_a_completion(client: Client) -> None:
    """Each by itself; conversations are read, right answers are taken from their column."""
    reward = reward_function("math", client, reference="answer")
    prompts = [QUERY, QUERY, [{"role": "user", "content": "What is 1 + 1?"}]]
    completions = [GOOD, BAD, [{"role": "assistant", "content": "\\boxed{2}"}]]

    right = reward(prompts, completions, answer=["7", "7", "2"], trainer_state=None)
    wrong = reward(prompts, completions, answer=["8", "8", "3"])

    assert all(value is not None for value in (*right, *wrong))
    assert right[0] > right[1]  # type: ignore[operator]
    assert right[2] > wrong[2]  # type: ignore[operator]
    judge = PairwiseJudge("math", client)
    assert judge.judge([QUERY, QUERY], [[BAD, GOOD], [GOOD, BAD]]) == [1, 0]


def test_a_reward_function_is_a_run_of_the_service(running: Server, client: Client) -> None:
    """Pinned to the version that answered first, under its name; its roll-outs teach nothing."""
    reward = reward_function("math", client, run="night-7")
    before = running.get("/v1/tasks/math").json["requests"]

    rewards = [reward([QUERY, QUERY], [GOOD, BAD]) for _ in range(3)]

    assert rewards[0] == rewards[1] == rewards[2]
    for others in ([], ["no idea"], [BAD, GOOD, "7"]):
        beside = reward([QUERY] * (1 + len(others)), [GOOD, *others])[0]
        assert beside == pytest.approx(rewards[0][0], abs=1e-12)
    assert reward.version == client.rank(QUERY, [GOOD], task="math", run="night-7").model_version
    assert running.get("/v1/tasks/math").json["requests"] == before


def test_nobody_who_could_say_is_no_reward(tmp_path: Path) -> None:
    """None for TRL, -1 for a judge, and never 0."""
    with standin("reward") as upstream:
        verifiers = [
            {
                "name": "reward",
                "kind": "reward_model",
                "model": "reward",
                "endpoint": upstream.url,
                "retries": 0,
            }
        ]
        with (
            service(
                write_config(tmp_path / "e.yaml", {"verifiers": verifiers}), tmp_path
            ) as running,
            Client(running.url, retrying=QUICK) as client,
        ):
            call(upstream.url + "/standin", {"fault": "500"})

            assert reward_function(client=client)([QUERY, QUERY], [GOOD, BAD]) == [None, None]
            assert PairwiseJudge(client=client).judge([QUERY], [[GOOD, BAD]]) == [-1]
            with pytest.raises(NoScoreError):
                client.rank(QUERY, [GOOD])


async def test_verl_scores_a_solution(running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the question in its extra information, and the right answer."""
    monkeypatch.setenv("ASSAY_URL", running.url)
    monkeypatch.setenv("ASSAY_TASK", "math")

    right = await compute_score("gsm8k", GOOD, "7", {"question": QUERY})
    wrong = await compute_score(
        "gsm8k",
        BAD,
        "7",
        {"prompt": [{"role": "user", "content": QUERY}]},
        reward_router_address=None,
    )

    assert right["score"] > wrong["score"]


async def test_many_queries_at_once_come_back_in_order(
    running: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its best; a progress bar on stderr unless it is not wanted; where all fail, their
    error.
    """
    queries = [f"What is {number} + 1?" for number in range(6)]

    async def generate(query: Any) -> list[str]:
        number = int(query.split()[2])
        return [
            f"{number} + 1 = {number + 1}. The answer is {number + 1}.",
            f"{number} + 1 = 99. The answer is 99.",
        ]

    async def fail(query: Any) -> list[str]:
        raise RuntimeError("no model")

    async with AsyncClient(running.url, retrying=QUICK) as client:
        found = await best_of_many(generate, queries, 2, client=client, task="math", at_once=3)
        shown = capsys.readouterr().err
        await best_of_many(generate, queries[:1], 2, client=client, task="math", progress=False)
        with pytest.raises(RuntimeError, match="no model"):
            await best_of_many(fail, queries, 2, client=client, progress=False)

    assert [each.text.split()[-1] for each in found] == [f"{number + 1}." for number in range(6)]
    assert "6/6" in shown
    assert capsys.readouterr().err == ""


async def test_conversations_are_scored_as_they_are(running: Server) -> None:
    """A pair of messages with one turn equals the pair of its text; both kinds share a request."""
    turns = [{"role": "user", "content": QUERY}]
    async with AsyncClient(running.url, retrying=QUICK) as client:
        text, chat = await asyncio.gather(
            client.score(QUERY, GOOD, "math", "number"), client.score(turns, GOOD, "math", "number")
        )
        system = await client.score(
            [{"role": "system", "content": "Be brief."}, *turns], GOOD, "math", "number"
        )

    assert text == chat == system is not None


def test_litellm_is_told_where_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument, by environment, and as a proxy's list; no key is written into a file."""
    monkeypatch.setenv("ASSAY_URL", "http://assay:8080/")
    monkeypatch.setenv("ASSAY_API_KEY", "secret")

    assert rerank_settings("math") == {
        "model": "hosted_vllm/assay/math",
        "api_base": "http://assay:8080",
        "api_key": "secret",
    }
    assert chat_settings("best", "http://other")["api_base"] == "http://other/v1"
    assert [each["litellm_params"]["api_key"] for each in proxy_models("math", "best")] == [
        "os.environ/ASSAY_API_KEY"
    ] * 2
