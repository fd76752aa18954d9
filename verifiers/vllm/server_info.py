"""A server's description of itself, read once: its version, its models and their limits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.verifiers.contract.errors import BadReplyError, RefusedError, VerifierError
from assay.verifiers.http.reply import Many, ReplyModel
from assay.verifiers.http.upstream import Endpoint, Upstream

#: Up to this version requests for raw scores used other names; a server ignores names that it does
#: not know.
RENAMED = (0, 12)


class _Model(ReplyModel):
    id: str
    max_model_len: int | None = None


class _Models(ReplyModel):
    data: Many[_Model]


class _Version(ReplyModel):
    version: str


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server's version (None without `/version`), and the context length of each model."""

    version: str | None
    models: dict[str, int | None]

    @property
    def raw_score(self) -> dict[str, bool]:
        """Return the fields of a body that ask for a score without sigmoid or softmax."""
        names = ["use_activation"]
        if self.version and _numbers(self.version) < RENAMED:
            names += ["activation", "softmax"]
        return dict.fromkeys(names, False)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:2])


async def ask_models(upstream: Upstream, endpoint: Endpoint) -> dict[str, int | None]:
    """Return the models that a server lists, with their context lengths; raise `VerifierError`."""
    return {
        model.id: model.max_model_len
        for model in (await upstream.get("/v1/models", _Models, endpoint)).data
    }


async def ask_facts(upstream: Upstream, endpoint: Endpoint) -> ServerInfo:
    """Ask one server; raise `VerifierError` if it does not list its models."""
    models = await ask_models(upstream, endpoint)
    try:
        version = (await upstream.get("/version", _Version, endpoint)).version
    except (RefusedError, BadReplyError):  # another server than vLLM
        version = None
    return ServerInfo(version, models)


class ServerInfoReader:
    """The facts of a verifier's first server, kept after the first time.

    All servers of a verifier are alike.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._facts: ServerInfo | None = None

    async def facts(self) -> ServerInfo:
        """Return the server's description; empty for one without models, or one that is away."""
        if self._facts is None:
            try:
                self._facts = await ask_facts(self._upstream, self._upstream.endpoints[0])
            except (RefusedError, BadReplyError):
                self._facts = ServerInfo(None, {})
            except VerifierError:  # the next call is tried again, and names the fault
                return ServerInfo(None, {})
        return self._facts

    async def context(self) -> int | None:
        """Return how many tokens the model takes; None if the server does not say."""
        return (await self.facts()).models.get(self._upstream.settings.model)
