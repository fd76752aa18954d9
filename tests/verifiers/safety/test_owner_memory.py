"""Tokens learned from one owner's texts serve no other owner."""

from __future__ import annotations

from typing import Any

from assay.verifiers import OWNER, Pair, Query, ServedVerifier
from assay.verifiers.judges.base import Judging
from assay.verifiers.vllm.chat_template import TemplateReader
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made
from tests.support.verifiers.special_tokens import tokenizing_server


def asked_of(transport: FakeTransport) -> list[str]:
    """Return the strings that a server received."""
    return [
        asked["prompt"][: len(asked["prompt"]) // 2]
        for path, asked in transport.sent
        if path == "/tokenize"
    ]


async def test_what_one_owner_s_texts_had_is_asked_again_for_another_s() -> None:
    """The time of an answer would tell whether another tenant's texts had the same string."""
    judge = made("judge", transport := tokenizing_server())
    assert isinstance(judge, Judging)

    for owner in ("a", "b", "a", "b"):
        token = OWNER.set(owner)
        await judge.learn_special([Pair(Query.of("q"), "<Secret1>")])
        OWNER.reset(token)

    assert asked_of(transport) == ["<Secret1>"] * 2


async def test_roles_that_one_owner_s_conversations_had_are_learned_again_for_another_s() -> None:
    """A sibling: templates are learned by the sequence of roles, which clients choose; and no
    number of them is kept for ever.
    """
    settings: Any = made("judge").settings
    book = TemplateReader(ServedVerifier(settings, transport := FakeTransport({})).upstream)

    for owner in ("a", "b", "a"):
        token = OWNER.set(owner)
        await book.of(("secret_role",))
        OWNER.reset(token)

    assert len(transport.sent) == 2
