"""The common base of served verifiers: upstream, isolation of bad inputs, check at start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TypeVar

from assay.verifiers.contract.brackets import has_brackets
from assay.verifiers.contract.errors import RefusedError, VerifierError, VerifierTimeoutError
from assay.verifiers.contract.findings import Finding, Grade, any_failed, failed, ok, skipped
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import (
    Message,
    Pair,
    Query,
    Status,
    Usage,
    Verdict,
    Verdicts,
    role_of,
)
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.http.upstream import Endpoint, Upstream
from assay.verifiers.safety.sanitize import escape_control_tokens, shorten
from assay.verifiers.vllm.bos_check import beginning
from assay.verifiers.vllm.server_info import ServerInfoReader, ask_facts, ask_models
from assay.verifiers.vllm.special_tokens import SpecialTokens
from assay.verifiers.vllm.truncation import MARGIN, Tokenizer

#: Characters of a call's texts from which on a thread reads them, and of one text from which on
#: what is made of it is kept.
THREAD_CHARACTERS, MEMOIZED_CHARACTERS = 200_000, 10_000
#: The prepared long texts of the running call.
_PREPARED: ContextVar[dict[tuple[int, str, str], str] | None] = ContextVar("prepared", default=None)

Item = TypeVar("Item")
Ask = Callable[[Sequence[Pair]], Awaitable[Verdicts]]


class ServedVerifier:
    """A verifier that calls a server; a subclass makes its request and reads its reply."""

    setwise = False
    bounds: tuple[float, float] | None = (0.0, 1.0)
    markers: tuple[str, ...] = ()
    reserve = 0  # tokens that must be left for the model's text
    needs = "see `assay models` for how its model is served"  # advice where the server is another

    def __init__(self, settings: ServedSettings, transport: Transport) -> None:
        self.upstream = Upstream(settings, transport)
        self.book = ServerInfoReader(self.upstream)
        self.special = SpecialTokens(self.upstream)
        self.tokenizer = Tokenizer(self.upstream)

    @property
    def settings(self) -> ServedSettings:
        """Return the verifier's part of the configuration."""
        return self.upstream.settings

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order."""
        await self.learn_special(pairs)
        verdicts = await isolating(self._ask, pairs)
        if self.settings.truncate != "error":
            for place, (pair, verdict) in enumerate(zip(pairs, verdicts.items, strict=True)):
                if verdict.status is Status.TRUNCATED:
                    with suppress(VerifierError):  # then it is as it was: too long
                        verdicts.items[place] = await self._shortened(pair, verdict, verdicts.usage)
        return verdicts

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        raise NotImplementedError  # each kind of served verifier asks in its own way

    async def learn_special(self, pairs: Sequence[Pair]) -> None:
        """Find out which strings in the texts would be special tokens to the model."""
        texts = [pair.candidate for pair in pairs]
        texts += {message.content for pair in pairs for message in pair.query.messages}
        size = sum(map(len, texts))
        if size >= MEMOIZED_CHARACTERS:
            _PREPARED.set({})
        if size < THREAD_CHARACTERS:
            suspects = [pair.candidate for pair in pairs if pair.suspect]
            suspects += [text for text in texts[len(pairs) :] if has_brackets(text)]
            if suspects:
                await self.special.learn(suspects)
            return
        # Megabytes take as long as a second: they are read in a thread, and what is made of them
        # there is kept for the call.
        await self.special.learn(texts, look=asyncio.to_thread)
        await asyncio.to_thread(self._make_all, pairs)

    def _make_all(self, pairs: Sequence[Pair]) -> None:
        for query in {id(pair.query): pair.query for pair in pairs}.values():
            self.query_text(query)
            self._messages(query)
        for pair in pairs:
            self._text(pair.candidate)

    def prepared(self, name: str, text: str, prepare: Callable[[str], str]) -> str:
        """Return a text prepared for the model; a call prepares a long one once."""
        memo = _PREPARED.get()
        if memo is None or len(text) < MEMOIZED_CHARACTERS:
            return prepare(text)
        key = (id(self), name, text)
        if key not in memo:
            memo[key] = prepare(text)
        return memo[key]

    async def input_tokens(self, pair: Pair) -> int:
        """Return how many tokens the model reads about a pair."""
        texts = (self.query_text(pair.query), self._text(pair.candidate))
        return sum(
            len(ids)
            for ids in await gather_or_cancel(
                *(self.tokenizer.ids(text, special=True) for text in texts)
            )
        )

    async def _shortened(self, pair: Pair, verdict: Verdict, usage: Usage) -> Verdict:
        """Return the verdict of the part of an over-long candidate that fits."""
        context = await self.book.context()
        if context is None:
            return verdict
        ids = await self.tokenizer.ids(pair.candidate)
        keep = context - await self.input_tokens(Pair(pair.query, "")) - self.reserve - MARGIN
        if len(ids) <= keep:  # it fits: the model's own text was cut off
            return verdict
        for _ in range(4):  # markers that are broken up, and step tokens, take room as well
            if keep < MARGIN:
                break
            text = await self.tokenizer.cut(ids, keep, self.settings.truncate)
            verdicts = await isolating(self._ask, [Pair(pair.query, text)])
            usage.add(verdicts.usage)
            if verdicts.items[0].status is not Status.TRUNCATED:
                verdicts.items[0].truncated_tokens = len(ids) - keep
                return verdicts.items[0]
            keep = keep * 4 // 5
        return verdict

    async def check(self) -> None:
        """Return when one of the servers serves the model.

        Raises `VerifierError` saying why none does.
        """
        problems = [problem for problem in await self.problems() if problem]
        if len(problems) == len(self.upstream.endpoints):
            raise problems[0]

    async def problems(self) -> list[VerifierError | None]:
        """Return each server's fault, in order; None without one."""
        return await gather_or_cancel(
            *(self._problem(endpoint) for endpoint in self.upstream.endpoints)
        )

    async def _problem(self, endpoint: Endpoint) -> VerifierError | None:
        return await self.problem_of(self.upstream, endpoint)

    async def problem_of(self, upstream: Upstream, endpoint: Endpoint) -> VerifierError | None:
        """Return the fault of an upstream's server; None if it serves the model."""
        models, model = (
            await self._at_once(endpoint, ask_models(upstream, endpoint)),
            upstream.settings.model,
        )
        if isinstance(models, VerifierError) or model in models:
            return models if isinstance(models, VerifierError) else None
        return RefusedError(
            f"{endpoint.url} does not serve {model!r}; it serves: {', '.join(models)}", 404
        )

    async def _at_once(
        self, endpoint: Endpoint, asking: Coroutine[Any, Any, Item]
    ) -> Item | VerifierError:
        """Return a server's description within 5 s, or the error."""
        try:
            async with asyncio.timeout(min(5.0, self.settings.timeout_s)):
                return await asking
        except TimeoutError:
            return VerifierTimeoutError(f"{endpoint.url} does not answer GET /v1/models")
        except VerifierError as exc:
            return exc

    async def examine(self) -> list[Finding]:
        """Return findings about the servers and how they serve the model.

        The first failure comes last.
        """
        findings = [
            finding
            for endpoint in self.upstream.endpoints
            for finding in await self._look_at(endpoint)
        ]
        if any_failed(findings):
            return findings
        try:
            async for finding in self.look():
                findings.append(finding)
                if finding.grade is Grade.FAILED:  # later checks would only fail by it
                    break
        except RefusedError as exc:
            findings.append(failed("kind", str(exc), self.needs))
        except VerifierError as exc:
            findings.append(failed("answers", f"{exc.reason}: {exc}", self.needs))
        return findings

    async def _look_at(self, endpoint: Endpoint) -> list[Finding]:
        facts = await self._at_once(endpoint, ask_facts(self.upstream, endpoint))
        if isinstance(facts, VerifierError):
            return [
                failed(
                    "reachable",
                    f"{facts.reason}: {facts}",
                    "start the server, or correct `endpoint`",
                )
            ]
        version = f"version {facts.version}" if facts.version else "no /version: not vLLM"
        reachable = ok("reachable", f"{endpoint.url}, {version}")
        if self.settings.model not in facts.models:
            advice = "correct `model`, or start the server with --served-model-name"
            return [
                reachable,
                failed(
                    "model",
                    f"{self.settings.model!r} is not served; {', '.join(facts.models)} is",
                    advice,
                ),
            ]
        length = facts.models[self.settings.model]
        return [
            reachable,
            ok(
                "model",
                f"{self.settings.model}, {f'{length:,} tokens' if length else 'length unknown'}",
            ),
        ]

    async def look(self) -> AsyncIterator[Finding]:
        """Yield a kind's findings on how its model is served.

        A refusal means another kind of model.
        """
        verdict = (await self._ask([SAMPLE])).items[0]
        if verdict.score is None:
            yield failed("answers", str(verdict.reason), self.needs)
        else:
            yield ok("answers", f"a sample scored {verdict.score:.3g}")

    async def begins(self, ids: Awaitable[Sequence[int]]) -> Finding:
        """Return whether a prompt begins with exactly one BOS."""
        try:
            return await beginning(self.tokenizer, await ids)
        except RefusedError:
            return skipped("one BOS", "the server has no /tokenize, or no template for chats")

    async def warm_up(self) -> None:
        """Leave it to the first call: with a full cache, a start needs no call."""

    def query_text(self, query: Query) -> str:
        """Return a query as the model may see it, as one text."""
        if len(query.messages) == 1:  # whose role is not part of the text
            return self._neutral(query.messages[0].content)
        return query.with_turns(tuple(self._messages(query))).text

    def _text(self, candidate: str) -> str:
        """Return a candidate for the model: shortened on request, markers made harmless."""
        if self.settings.max_chars is not None:
            candidate = shorten(candidate, self.settings.max_chars)[0]
        return self._neutral(candidate)

    def _neutral(self, text: str) -> str:
        """Return a text without tokens and markers of the model's."""
        if not self.markers and not has_brackets(text):
            return text
        return self.prepared(
            "neutral",
            text,
            lambda long: escape_control_tokens(long, *self.markers, special=self.special),
        )

    def _texts(self, pairs: Sequence[Pair]) -> list[str]:
        """Return the candidates as the model may see them.

        Most have nothing in them that could be a marker.
        """
        if self.settings.max_chars is None and not self.markers:
            return [
                self._neutral(pair.candidate) if pair.suspect else pair.candidate for pair in pairs
            ]
        return [self._text(pair.candidate) for pair in pairs]

    def _messages(self, query: Query) -> list[Message]:
        return [
            Message(role_of(message.role), self._neutral(message.content))
            for message in query.messages
        ]

    async def note_shortened(self, pairs: Sequence[Pair], verdicts: Verdicts) -> Verdicts:
        """Write into each verdict of a shortened candidate how many tokens were left out."""
        if self.settings.max_chars is None:
            return verdicts
        for pair, verdict in zip(pairs, verdicts.items, strict=True):
            left_out = shorten(pair.candidate, self.settings.max_chars)[1]
            if left_out and verdict.status is Status.OK:
                verdict.truncated_tokens = max(1, len(left_out) // 4)
        return verdicts


async def ask_the_rest(
    ask: Ask, pairs: Sequence[Pair], uncalled: Sequence[Verdict | None]
) -> Verdicts:
    """Return the verdicts that are known without asking, and ask about the other pairs."""
    unanswered = [pair for pair, verdict in zip(pairs, uncalled, strict=True) if verdict is None]
    answered = await ask(unanswered) if unanswered else Verdicts([])
    answers = iter(answered.items)
    answered.items = [next(answers) if verdict is None else verdict for verdict in uncalled]
    return answered


async def isolating(
    ask: Callable[[Sequence[Item]], Awaitable[Verdicts]], pairs: Sequence[Item]
) -> Verdicts:
    """Send all pairs at once; if the server refuses, halve them until the bad ones stand alone.

    One over-long text in a list makes vLLM refuse the whole list, so k bad ones of n cost about
    k log2 n more calls.
    """
    try:
        return await ask(pairs)
    except RefusedError as exc:
        if len(pairs) == 1:
            return Verdicts([exc.verdict()], Usage(calls=1))
        if exc.status_code not in (
            400,
            413,
            422,
        ):  # 401, 404 …: no part of the list would fare better
            raise
    middle = len(pairs) // 2
    first, second = await gather_or_cancel(
        isolating(ask, pairs[:middle]), isolating(ask, pairs[middle:])
    )
    first.usage.add(second.usage)
    return Verdicts(first.items + second.items, first.usage)
