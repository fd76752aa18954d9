"""Best of n: when drawing stops, and which answer wins."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from assay.service.api.compat.common import TurnIn
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.domain.errors import GeneratorError, GeneratorOverloadedError, NoVerifierError
from assay.service.scoring.best_of_n import (
    DrawOptions,
    DrawResult,
    by_majority,
    choice_text,
    draw_until_good,
    status_of,
)
from assay.service.scoring.generator import Drawn, Generator
from assay.verifiers import Query
from tests.support.verifiers.generators import BUSY, Drip, apart, drawn_from


class Fake(Generator):
    """Draws numbered answers, and fails at prepared places."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.settings = UpstreamSettings(name="fake", endpoint="http://127.0.0.1:1", model="m")
        self.sizes: list[int] = []
        self._fail_at = fail_at

    async def draw(self, body: dict[str, Any], count: int, first: int) -> Drawn:
        """Return choices."""
        self.sizes.append(count)
        if self._fail_at is not None and len(self.sizes) > self._fail_at:
            raise GeneratorOverloadedError("busy", upstream_status=503)
        choices = [
            {"message": {"role": "assistant", "content": f"answer {first + place}"}}
            for place in range(count)
        ]
        return Drawn(choices, 5, 10 * count, {"id": "x"})


class Said:
    """An outcome as a gateway reads it."""

    matrix = SimpleNamespace(usage=SimpleNamespace(prompt_tokens=3, completion_tokens=1))

    def __init__(self, chances: Sequence[float], calibrated: bool = True) -> None:
        self.probability, self.calibrated = np.array(chances), calibrated
        self.weights = self.probability
        self.p_any_correct = float(1 - np.prod(1 - self.probability)) if calibrated else None
        self.order = np.argsort(-self.probability, kind="stable").tolist()


async def reap(
    wish: DrawOptions, chance: Any, upstream: Fake | None = None, calibrated: bool = True
) -> tuple[DrawResult, Fake]:
    """Draw with made-up probabilities, a function of the candidate's number."""
    upstream = upstream or Fake()

    async def rank(query: Query, texts: Sequence[str]) -> Any:
        return Said([chance(int(text.split()[1])) for text in texts], calibrated)

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [int(text.split()[1]) % 3 for text in texts]

    return await draw_until_good(upstream, {}, Query.of("q"), wish, rank, group), upstream


async def test_it_stops_as_soon_as_one_is_good_enough() -> None:
    """In rounds of a quarter; without a confidence it draws all at once."""
    early, upstream = await reap(
        DrawOptions(16, confidence=0.9), lambda number: 0.95 if number == 5 else 0.2
    )
    never, asked = await reap(DrawOptions(16, confidence=0.9), lambda number: 0.2)
    plain, once = await reap(DrawOptions(16), lambda number: 0.95)

    assert (early.stopped, len(early.choices), early.order[0], upstream.sizes) == (
        "confidence",
        8,
        5,
        [4, 4],
    )
    assert (never.stopped, len(never.choices), asked.sizes) == ("candidates", 16, [4, 4, 4, 4])
    assert (len(plain.choices), once.sizes) == (16, [16])
    assert (early.completion_tokens, early.judge_prompt_tokens) == (80, 6)


async def test_more_are_drawn_where_nothing_looks_right() -> None:
    """Beyond the candidates, until one looks right or `at_most` is reached; not without
    probabilities.
    """
    found, upstream = await reap(
        DrawOptions(8, at_most=32), lambda number: 0.9 if number == 11 else 0.01
    )
    never, asked = await reap(DrawOptions(8, at_most=12, confidence=0.8), lambda number: 0.01)
    fine, once = await reap(DrawOptions(8, at_most=32), lambda number: 0.3)
    blind, _ = await reap(DrawOptions(8, at_most=32), lambda number: 0.01, calibrated=False)

    assert (found.stopped, len(found.choices), found.order[0], upstream.sizes) == (
        "candidates",
        12,
        11,
        [8, 2, 2],
    )
    assert (never.stopped, len(never.choices), asked.sizes) == ("candidates", 12, [2] * 6)
    assert (len(fine.choices), once.sizes, len(blind.choices)) == (8, [8], 8)


async def test_what_is_not_calibrated_is_no_reason_to_stop() -> None:
    """Its numbers are no probabilities."""
    found, _ = await reap(DrawOptions(8, confidence=0.5), lambda number: 0.99, calibrated=False)

    assert (found.stopped, len(found.choices)) == ("candidates", 8)


async def test_a_budget_ends_it() -> None:
    """Tokens and time; a later round that fails leaves the earlier draws."""
    tokens, _ = await reap(DrawOptions(16, confidence=0.9, tokens=50), lambda number: 0.1)
    alone, _ = await reap(DrawOptions(16, tokens=50), lambda number: 0.1)
    seconds, _ = await reap(DrawOptions(16, seconds=1e-9), lambda number: 0.1)
    failed, _ = await reap(DrawOptions(16, confidence=0.9), lambda number: 0.1, Fake(fail_at=1))

    assert (tokens.stopped, len(tokens.choices)) == ("tokens", 8)
    assert (alone.stopped, len(alone.choices), len(alone.order)) == ("tokens", 8, 8)
    assert (seconds.stopped, len(seconds.choices)) == ("seconds", 4)
    assert (failed.stopped, len(failed.choices), len(failed.order)) == ("upstream", 4, 4)
    with pytest.raises(GeneratorError):
        await reap(DrawOptions(16), lambda number: 0.1, Fake(fail_at=0))


async def test_a_majority_is_weighed_by_probability() -> None:
    """The heaviest answer wins, by its best candidate; candidates without an answer come last."""
    found, _ = await reap(
        DrawOptions(6, select="weighted_majority"),
        lambda number: [0.6, 0.5, 0.1, 0.1, 0.5, 0.1][number],
    )

    assert found.order[:2] == [1, 4]  # 0.5 + 0.5 beside 0.6 + 0.1
    assert by_majority([0, 1, 2], [0.9, 0.5, float("nan")], [None, 0, 0]) == [1, 2, 0]


async def test_no_verifier_leaves_what_was_drawn_unranked() -> None:
    """The client paid for the draws; the answer says that they are unranked."""

    async def nobody(query: Query, texts: Sequence[str]) -> Any:
        raise NoVerifierError({"judge": "timeout"})

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None] * len(texts)

    found = await draw_until_good(Fake(), {}, Query.of("q"), DrawOptions(4), nobody, group)

    assert (found.ranking, found.order, found.problem) == (
        None,
        [0, 1, 2, 3],
        "no verifier could answer (judge: timeout)",
    )


def test_a_choice_is_read_as_verifiers_should() -> None:
    """Text, tool calls, refusals; a cut or empty choice has its status."""
    tool = {
        "message": {
            "content": None,
            "tool_calls": [{"function": {"name": "add", "arguments": "{}"}}],
        },
        "finish_reason": "tool_calls",
    }
    cut = {"message": {"content": "I think"}, "finish_reason": "length"}
    refused = {"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}

    assert choice_text(tool) == '{"name":"add","arguments":"{}"}'
    assert [status_of(choice) for choice in (tool, cut, refused, {"message": {"content": ""}})] == [
        "ok",
        "truncated",
        "refused",
        "empty",
    ]
    assert choice_text(refused) == "I can't."
    parts = TurnIn(
        role="user",
        content=[
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:"}},
        ],
    )
    assert parts.turn().content == "What is this?\n[image_url]"


async def test_what_was_drawn_before_a_draw_failed_is_counted_and_ranked() -> None:
    """It is paid for; drawing stops, and says why."""

    async def rank(query: Query, texts: Sequence[str]) -> Any:
        return Said([0.5 for _ in texts])

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None for _ in texts]

    transport = Drip(3, BUSY)
    found = await draw_until_good(
        apart(transport), {"messages": []}, Query.of("q"), DrawOptions(8), rank, group
    )

    assert (len(found.choices), found.completion_tokens, found.stopped, len(found.order)) == (
        3,
        30,
        "upstream",
        3,
    )
    assert (transport.begun, transport.cancelled) == (8, 4)


PROMPT = "my secret prompt"


async def test_no_text_of_a_server_that_fails_is_logged() -> None:
    """It may repeat the prompt; the client, whose prompt it is, gets one line of it."""

    class Second(Fake):
        async def draw(self, body: dict[str, Any], count: int, first: int) -> Drawn:
            if first:
                return await drawn_from(
                    400,
                    {
                        "error": {
                            "message": f"too long:\n\x1b[31m{PROMPT}" + "x" * 5000,
                            "param": "messages",
                        }
                    },
                )
            return await super().draw(body, count, first)

    async def rank(query: Query, texts: Sequence[str]) -> Any:
        return Said([0.1 for _ in texts])

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None for _ in texts]

    with capture_logs() as logs:
        found = await draw_until_good(
            Second(), {}, Query.of(PROMPT), DrawOptions(16, confidence=0.9), rank, group
        )
    with pytest.raises(GeneratorError) as caught:
        await Second().draw({}, 1, 1)

    assert found.stopped == "upstream"
    assert [(each["event"], each["status"], each["code"]) for each in logs] == [
        ("round_failed", 400, "upstream_refused")
    ]
    assert PROMPT not in str(logs)
    assert PROMPT in str(caught.value)
    assert len(str(caught.value)) < 1100
    assert str(caught.value).isprintable()
