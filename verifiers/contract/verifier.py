"""The verifier's interface: its input, its verdicts and its failures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Protocol, runtime_checkable

from assay.verifiers.contract.brackets import has_brackets
from assay.verifiers.contract.findings import Finding
from assay.verifiers.contract.settings import VerifierSettings


class Status(IntEnum):
    """The end of a verifier's call about one candidate; the score cache stores the number."""

    OK = 0
    NOT_APPLICABLE = 1
    TRUNCATED = 2
    TIMEOUT = 3
    ERROR = 4
    SKIPPED = 5
    NO_SCORE = 6

    @property
    def label(self) -> str:
        """Return the name used on the wire."""
        return self.name.lower()


#: Statuses that say that an answer is incomplete (a skipped or inapplicable verifier is not a
#: failure).
PARTIAL = frozenset({Status.TRUNCATED, Status.TIMEOUT, Status.ERROR, Status.NO_SCORE})
#: Statuses that follow from the pair alone, and so are worth remembering.
LASTING = frozenset({Status.OK, Status.NOT_APPLICABLE})


NO_ROLE = re.compile(r"[^A-Za-z0-9_-]")
MOST_OF_A_ROLE = 32
#: Roles as nearly all are.
USUAL_ROLES = frozenset({"system", "user", "assistant", "tool"})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


def role_of(name: str) -> str:
    """Return a role that is safe in a template: a client's may hold a template's own tokens."""
    return name if name in USUAL_ROLES else NO_ROLE.sub("_", name[:MOST_OF_A_ROLE]) or "_"


@dataclass(frozen=True, slots=True)
class Query:
    """The question or conversation being answered, oldest turn first.

    `reference` is a right answer and `tests` are Python statements that hold of one, where the
    client knows them; only verifiers that compare with one read them. A blank reference is none: a
    data set's gap is not another query, with other scores and labels.
    """

    messages: tuple[Message, ...]
    reference: str | None = None
    tests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.reference is not None and not self.reference.strip():
            object.__setattr__(self, "reference", None)

    @classmethod
    def of(cls, text: str, reference: str | None = None, tests: tuple[str, ...] = ()) -> Query:
        """Return the query that is a single user turn."""
        return cls((Message("user", text),), reference, tests)

    def with_turns(self, messages: tuple[Message, ...]) -> Query:
        """Return the same query in other words."""
        return replace(self, messages=messages)

    @property
    def text(self) -> str:
        """Return the query as one text: the turn itself, or each turn behind its role."""
        if len(self.messages) == 1:
            return self.messages[0].content
        return "\n\n".join(f"{message.role}: {message.content}" for message in self.messages)


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate answer beside the query it answers."""

    query: Query
    candidate: str
    _suspect: bool | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def suspect(self) -> bool:
        """Return whether the candidate has anything that a special token begins with.

        All verifiers of a request ask.
        """
        suspect = self._suspect
        if suspect is None:
            suspect = has_brackets(self.candidate)
            object.__setattr__(self, "_suspect", suspect)
        return suspect


@dataclass(slots=True)
class Verdict:
    """One verifier's verdict of one candidate; `score` is None if it could not give one.

    `label_mass` is the total probability that a judge gave to its labels: a low one means that
    it did not answer the question. `called` is false if no call was sent, because none was
    needed or because it failed before: such a verdict costs nothing.
    """

    score: float | None
    status: Status = Status.OK
    reason: str | None = None
    label_mass: float | None = None
    truncated_tokens: int | None = None
    called: bool = True


@dataclass(slots=True)
class Sent:
    """Whether any part of a call has gone to a server, or work on it has begun here.

    A call given up before that costs nothing.
    """

    any: bool = False


#: That of the running call; None if no client waits for it.
SENT: ContextVar[Sent | None] = ContextVar("sent", default=None)


def note_sent() -> None:
    """Note that something of the call which runs now is sent."""
    if (sent := SENT.get()) is not None:
        sent.any = True


EMPTY = "the candidate is empty"
NO_REFERENCE = "the request has no `reference`"
NO_STEPS = "the candidate has no steps"


def not_applicable(why: str) -> Verdict:
    """Return the verdict of a verifier that does not apply to a pair, without a call."""
    return Verdict(None, Status.NOT_APPLICABLE, why, called=False)


@dataclass(slots=True)
class Usage:
    """The cost of a call: calls made and tokens read and written.

    `misread` counts replies whose usage is no number.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    misread: int = 0

    def add(self, other: Usage) -> None:
        """Count another usage into this one."""
        self.calls += other.calls
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.misread += other.misread


@dataclass(slots=True)
class Verdicts:
    """One verdict a pair, in the order of the pairs, and their cost."""

    items: list[Verdict]
    usage: Usage = field(default_factory=Usage)


@runtime_checkable
class Verifier(Protocol):
    """Something that scores candidates.

    `score` is handed at most `settings.batch_size` pairs. A setwise verifier gets all candidates of
    one query together, a pointwise one any pairs. It raises `VerifierError` when the whole call
    failed; one bad pair is a `Verdict`.
    """

    @property
    def settings(self) -> VerifierSettings:
        """Return the verifier's part of the configuration."""

    @property
    def setwise(self) -> bool:
        """Return whether candidates are compared with each other."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return the range of scores by definition; None without one."""

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order."""

    async def check(self) -> None:
        """Return when the verifier can answer; raise `VerifierError` saying why not."""

    async def examine(self) -> list[Finding]:
        """Return the doctor's findings on how the verifier is served."""

    async def warm_up(self) -> None:
        """Do the slow part of the first call; a failure is no error, since `check` reports it."""
