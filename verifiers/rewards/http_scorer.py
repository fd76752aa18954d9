"""Any scorer of your own behind a URL: our JSON in, our JSON out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from assay.verifiers.contract.errors import (
    BadReplyError,
    RefusedError,
    UpstreamFailedError,
    VerifierError,
)
from assay.verifiers.contract.findings import Finding, failed, ok, skipped
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import Pair, Query, Status, Usage, Verdict, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.reply import Many, ReplyModel, Tokens
from assay.verifiers.http.upstream import Endpoint
from assay.verifiers.vllm.served import ServedVerifier
from assay.verifiers.vllm.verdicts import score_verdict, usage_of

REPLY_FORM = (
    'the reply must be {"scores": [number or null, ...]}, one a candidate; see "A scorer of your'
    ' own" in docs/verifiers.md'
)


class HttpSettings(ServedSettings):
    """The place of the scorer, and the meaning of its numbers."""

    kind: Literal["http"] = "http"
    model: str = Field(
        "http",
        min_length=1,
        description="Name sent along; change it, or `revision`, when scores mean something new.",
    )
    path: str = Field("/score", pattern=r"^/", description="Path that is posted to.")
    setwise: bool = Field(
        False, description="It compares the candidates of a query, and gets all of them together."
    )
    lowest: float | None = Field(
        None, allow_inf_nan=False, description="Least score, if there is one by definition …"
    )
    highest: float | None = Field(None, allow_inf_nan=False, description="… and greatest.")

    @model_validator(mode="after")
    def _a_range(self) -> HttpSettings:
        if (self.lowest is None) != (self.highest is None):
            raise ValueError("give both `lowest` and `highest`, or neither")
        if self.lowest is not None and self.highest is not None and not self.lowest < self.highest:
            raise ValueError("`lowest` must be below `highest`")
        return self


#: Characters of a reason; the rest is cut off.
MOST_OF_A_REASON = 2000


class _Scores(ReplyModel):
    scores: Many[Any]
    reasons: Many[Any] | None = None
    not_applicable: Many[Any] | None = None
    usage: Tokens | None = None


class HttpScorer(ServedVerifier):
    """Posts a query with its candidates and reads a number for each; null is no score, never 0.

    A null is asked for again another time, unless the scorer says that it does not apply.
    """

    def __init__(self, settings: HttpSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.http = settings
        self.setwise = settings.setwise
        self.bounds = (
            None
            if settings.lowest is None or settings.highest is None
            else (settings.lowest, settings.highest)
        )

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order.

        The texts go as they are, since a scorer of your own reads no tokens.
        """
        by_query: dict[Query, list[int]] = {}
        for place, pair in enumerate(pairs):
            by_query.setdefault(pair.query, []).append(place)
        items: dict[int, Verdict] = {}
        total = Usage()
        for query, places in by_query.items():
            verdicts = await self._ask_query(query, [pairs[place].candidate for place in places])
            items |= dict(zip(places, verdicts.items, strict=True))
            total.add(verdicts.usage)
        return Verdicts([items[place] for place in range(len(pairs))], total)

    async def _ask_query(self, query: Query, candidates: Sequence[str]) -> Verdicts:
        body: dict[str, Any] = {
            "model": self.http.model,
            "query": query.text,
            "messages": [
                {"role": message.role, "content": message.content} for message in query.messages
            ],
            "candidates": list(candidates),
            "reference": query.reference,
        }
        reply = await self.upstream.ask(self.http.path, body, _Scores)
        reasons = reply.reasons or [None] * len(reply.scores)
        final = reply.not_applicable or [False] * len(reply.scores)
        if not len(reply.scores) == len(reasons) == len(final) == len(candidates):
            raise BadReplyError(
                f"{len(reply.scores)} scores, {len(reasons)} reasons and {len(final)} of"
                f" not_applicable for {len(candidates)} candidates"
            )
        items = [
            self._read(score, reason, last is True)
            for score, reason, last in zip(reply.scores, reasons, final, strict=True)
        ]
        return Verdicts(items, usage_of(reply.usage))

    def _read(self, score: Any, reason: Any, final: bool) -> Verdict:
        """Return one candidate's verdict; its faults do not concern the others.

        `final`: the scorer says that a null follows from the candidate, so that the score cache
        keeps it.
        """
        reason = (
            None
            if reason is None
            else reason[:MOST_OF_A_REASON]
            if isinstance(reason, str)
            else "its reason is no text"
        )
        if score is None:
            status = Status.NOT_APPLICABLE if final else Status.NO_SCORE
            return Verdict(None, status, reason or "the scorer gave no score")
        if isinstance(score, bool) or not isinstance(score, int | float):
            return Verdict(
                None, Status.ERROR, f"bad_reply: its score is no number ({type(score).__name__})"
            )
        try:
            value = float(score)
        except OverflowError:
            value = math.nan
        verdict = score_verdict(value, bounds=self.bounds)
        if verdict.score is not None:
            verdict.reason = reason
        return verdict

    async def _problem(self, endpoint: Endpoint) -> VerifierError | None:
        """Return a server's fault; any answer will do."""
        reply = await self._at_once(endpoint, self.upstream.get("/", ReplyModel, endpoint))
        refused = isinstance(reply, RefusedError | BadReplyError | UpstreamFailedError)
        return reply if isinstance(reply, VerifierError) and not refused else None

    async def examine(self) -> list[Finding]:
        """Return whether a sample is answered in our form."""
        try:
            verdicts = await self.score([SAMPLE, SAMPLE] if self.setwise else [SAMPLE])
        except BadReplyError as exc:
            return [failed("kind", str(exc), REPLY_FORM)]
        except VerifierError as exc:
            return [
                failed(
                    "reachable",
                    f"{exc.reason}: {exc}",
                    "start the scorer, or correct `endpoint` and `path`",
                )
            ]
        if verdicts.items[0].score is None:
            return [skipped("answers", str(verdicts.items[0].reason))]
        return [ok("answers", f"a sample scored {verdicts.items[0].score:.3g}")]
