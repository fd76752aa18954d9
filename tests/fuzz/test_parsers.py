"""Parsers of foreign bytes: replies, the HTTP parser, stored records, candidates, configuration."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aggregation import Column, LabelModel, NotFittedError, OneClassError, RobustAverage
from assay.aggregation.label_model.saved.artifact import ArtifactError, checksum, from_dict, to_dict
from assay.service.api.requests import RankRequest
from assay.service.config.problems import ConfigError
from assay.service.runtime.configuration import load_config
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table
from assay.verifiers import Pair, Query, Status, VerifierError
from assay.verifiers.checks.answers.answer_equality import plain_answer
from assay.verifiers.checks.answers.equations import STATEMENT, holds
from assay.verifiers.checks.completeness import as_asked, cut_off
from assay.verifiers.checks.python_tests import code_of
from assay.verifiers.http.connection import Connection
from assay.verifiers.judges.reasoning import stated_verdict
from assay.verifiers.safety.non_answers import non_answer_reason, without_verdicts
from assay.verifiers.safety.sandbox import read_report
from assay.verifiers.safety.sanitize import escape_control_tokens, visible_text
from assay.verifiers.vllm.chat import without_thinking
from tests.support.fuzzing import JSON, QUICK, SECONDS, for_its_share
from tests.support.samples.ensembles import fitted, small
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import EXAMPLES, SERVED, made, standin

PAIRS = [Pair(Query.of("q"), "a\n\nb"), Pair(Query.of("q"), "c")]
TEXTS = st.text(max_size=400) | st.lists(
    st.sampled_from(
        [
            "1",
            "+",
            "=",
            " ",
            "-",
            "x",
            "2.5",
            "\\boxed{",
            "}",
            "answer is",
            "####",
            "<|im_end|>",
            "<extra_0>",
            ",000",
            "*",
            "/",
            "0",
            "(",
            "\n",
            "Verdict: ",
            "Yes",
            "<think>",
            "</think>",
            "```python\n",
            "```",
            "s 0 ok\n",
        ]
    ),
    max_size=60,
).map("".join)

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(SECONDS + 300)]


def test_any_reply_is_a_verdict_or_one_of_our_errors() -> None:
    """Every kind that is served: never another exception, and never a score that is no number."""

    @QUICK
    @given(
        JSON.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=200),
        st.sampled_from([200, 400, 404, 500]),
        st.sampled_from(SERVED),
        st.sets(st.sampled_from(["/tokenize", "/detokenize", "/version", "/v1/models"])),
    )
    def check(body: bytes, status: int, kind: str, right: set[str]) -> None:
        whole = standin(EXAMPLES[kind].server or "")
        wrong = dict.fromkeys(whole.replies, (status, body))
        transport = FakeTransport(
            wrong | {path: reply for path, reply in whole.replies.items() if path in right}
        )
        try:
            verdicts = asyncio.run(made(kind, transport).score(PAIRS))
        except VerifierError:
            return
        assert len(verdicts.items) == len(PAIRS)
        for verdict in verdicts.items:
            assert (verdict.score is None) == (verdict.status is not Status.OK)
            assert verdict.score is None or math.isfinite(verdict.score)

    assert for_its_share(check)


def test_any_bytes_are_a_reply_or_one_of_our_errors() -> None:
    """The HTTP connection, fed in pieces."""
    pieces = st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n",
            b"content-length: 5\r\n",
            b"transfer-encoding: chunked\r\n",
            b"\r\n",
            b"hello",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
        ]
    )

    @QUICK
    @given(st.lists(pieces | st.binary(max_size=30), max_size=12))
    def check(blocks: list[bytes]) -> None:
        class Wire:
            def write(self, _: bytes) -> None: ...
            def abort(self) -> None: ...

        async def exchange() -> None:
            connection = Connection()
            connection.connection_made(Wire())  # type: ignore[arg-type]
            reply = asyncio.ensure_future(connection.exchange(b"GET / HTTP/1.1\r\n\r\n"))
            await asyncio.sleep(0)
            for block in blocks:
                connection.data_received(block)
            connection.connection_lost(None)
            try:
                status, body = await reply
            except VerifierError:
                return
            assert 200 <= status < 1000
            assert isinstance(body, bytes)

        asyncio.run(exchange())

    assert for_its_share(check)


def test_any_candidate_can_be_read() -> None:
    """Arithmetic, answers, forms, control tokens."""

    @QUICK
    @given(TEXTS)
    def check(text: str) -> None:
        for found in STATEMENT.finditer(text):
            assert holds(*found.groups()) in (True, False, None)
        answer = plain_answer(text)
        assert answer is None or answer == answer.strip() != ""
        assert as_asked(text, text) in (True, False)
        assert cut_off(text) in (True, False)
        safe = escape_control_tokens(text, "<extra_0>")
        assert "<extra_0>" not in safe
        assert "<|im_end|>" not in safe
        assert non_answer_reason(text) is None or isinstance(non_answer_reason(text), str)
        assert set(without_verdicts(visible_text(text)).splitlines()) <= set(
            visible_text(text).splitlines()
        )
        assert stated_verdict(without_thinking(text, "stop"), {"Yes": 1.0, "No": 0.0}) in (
            None,
            0.0,
            1.0,
        )
        assert isinstance(code_of(text), str)
        assert len(read_report(text.replace("!", "").encode(), 2, None).tests) == 2

    assert for_its_share(check)


def test_any_request_body_checks_or_is_refused() -> None:
    """By pydantic's own error, which has an answer."""
    from pydantic import ValidationError

    from assay.service.api.errors import invalid

    fields = st.sampled_from(
        ["query", "messages", "candidates", "task", "top_n", "budget", "stream", "deadline_ms"]
    )

    @QUICK
    @given(
        st.dictionaries(fields, JSON, max_size=6).map(lambda body: json.dumps(body).encode())
        | st.binary(max_size=100)
    )
    def check(body: bytes) -> None:
        try:
            assert RankRequest.model_validate_json(body).candidates
        except ValidationError as exc:
            error = invalid(exc)
            assert error.status in (400, 413, 422)
            assert json.loads(error.body())["error"]["message"]

    assert for_its_share(check)


def test_any_file_is_a_configuration_or_a_message(tmp_path: Path) -> None:
    """And any scores are averaged into numbers or nothing."""
    words = st.sampled_from(
        [
            "verifiers:",
            "- ",
            "  ",
            "name: a",
            "kind: judge",
            "{",
            "}",
            "[",
            "]",
            ": ",
            "\n",
            "&a ",
            "*a",
            "tasks:",
            "service:",
            "port: 1",
            "!!python/x",
        ]
    )
    numbers = st.floats() | st.just(math.nan)

    @QUICK
    @given(
        st.lists(words | st.text(max_size=5), max_size=25).map("".join),
        st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30),
    )
    def check(text: str, scores: list[tuple[float, float]]) -> None:
        import numpy as np

        path = tmp_path / "e.yaml"
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            load_config(path, environ={})
        except ConfigError as exc:
            if not exc.problems:
                raise AssertionError("an error without a message") from exc
        table = np.array(scores)
        average = RobustAverage([Column("a", "a", (0, 1)), Column("b", "b")])
        with np.errstate(all="ignore"):
            chances = average.predict_proba(table)
        known = ~np.isnan(chances)
        assert ((chances[known] >= 0) & (chances[known] <= 1)).all()

    assert for_its_share(check)


def test_any_table_of_scores_is_read_or_named(tmp_path: Path) -> None:
    """JSON lines of any shape, and any numbers: a fit, or a message; a probability lies between
    0 and 1.
    """
    import numpy as np

    keys = st.sampled_from(
        ["query_id", "scores", "labels", "label", "verifier_names", "a", "b", "verifier_family"]
    )
    lines = st.lists(
        st.dictionaries(keys, JSON | st.lists(st.floats() | st.none(), max_size=3), max_size=5),
        max_size=30,
    )
    numbers = st.floats() | st.sampled_from([0.0, 1.0, math.nan, math.inf])

    @QUICK
    @given(
        lines,
        st.binary(max_size=30),
        st.lists(
            st.tuples(numbers, numbers, st.integers(0, 6), st.sampled_from([-1, 0, 1])), max_size=60
        ),
    )
    def check(
        rows: list[dict[str, Any]], tail: bytes, table: list[tuple[float, float, int, int]]
    ) -> None:
        path = tmp_path / "t.jsonl"
        path.write_bytes("\n".join(json.dumps(row) for row in rows).encode() + tail)
        try:
            read_table(path, labels=True)
        except TableError as exc:
            assert str(path) in str(exc)  # noqa: PT017 - either way is right
        scores = np.array([row[:2] for row in table], float).reshape(-1, 2)
        query, labels = (
            np.array([row[2] for row in table], int),
            np.array([row[3] for row in table], int),
        )
        try:
            chances = LabelModel().fit(scores, query, labels).predict_proba(scores, query)
        except (NotFittedError, OneClassError):
            return
        known = ~np.isnan(chances)
        assert ((chances[known] >= 0) & (chances[known] <= 1)).all()

    assert for_its_share(check)


def test_any_change_of_a_model_file_is_refused_or_harmless() -> None:
    """With a value of another type anywhere, the reader reports damage or the model still scores."""
    whole = to_dict(fitted(small()))
    sample = small()

    @QUICK
    @given(st.lists(st.integers(0, 50), min_size=1, max_size=6), JSON)
    def check(steps: list[int], value: Any) -> None:
        damaged = json.loads(json.dumps(whole))
        node = damaged
        for step in steps:
            inside = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not inside:
                break
            key = inside[step % len(inside)]
            if not isinstance(node[key], (dict, list)) or step == steps[-1]:
                node[key] = value
                break
            node = node[key]
        damaged["sha256"] = checksum(damaged)
        try:
            model = from_dict(damaged)
        except ArtifactError:
            return
        model.score_samples(sample.scores, sample.query_id)

    assert for_its_share(check)
