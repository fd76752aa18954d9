"""Which strings are special tokens to a model."""

from __future__ import annotations

import asyncio
from typing import Any

from assay.verifiers import Pair, Query
from assay.verifiers.judges.base import Judging
from assay.verifiers.safety.sanitize import WORD_JOINER
from assay.verifiers.vllm.special_tokens import MAX_REMEMBERED
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made
from tests.support.verifiers.special_tokens import SPECIAL, ids_of, tokenizing_server


async def test_tags_that_are_none_to_the_model_are_left_alone() -> None:
    """Code with angle brackets stays: the server says once for each string whether it is a token."""
    text = "List<String> names = map.<T>get(); <div>[ITEM]</div> <tool_call>"
    judge = made("judge", transport := tokenizing_server())
    assert isinstance(judge, Judging)

    for _ in range(2):
        await judge.learn_special([Pair(Query.of("q"), text)])
    shown = judge._text(text)

    assert shown == text.replace("<tool_call>", f"<{WORD_JOINER}tool_call>")
    assert len(transport.sent) == 6


async def test_where_the_server_cannot_tell_all_tags_are_broken_up() -> None:
    """A server without /tokenize: an innocent tag costs little, a forged turn costs the verdict."""
    judge = made("judge", FakeTransport({}))
    assert isinstance(judge, Judging)

    await judge.learn_special([Pair(Query.of("q"), "<weird_token>")])

    assert judge._text("<weird_token>") == f"<{WORD_JOINER}weird_token>"


async def test_a_string_that_is_no_token_to_the_model_is_left_alone_in_brackets_too() -> None:
    """Code and links with square brackets: asked about once, and shown as they are."""
    text = "a[key] = b[self.index]; List[int] [link](http://x) ||| [gMASK] [0] ]] [a, b]"
    judge = made("judge", tokenizing_server())
    assert isinstance(judge, Judging)

    await judge.learn_special([Pair(Query.of("q"), text)])

    assert judge._text(text) == text.replace("[gMASK]", f"[{WORD_JOINER}gMASK]")


async def test_a_server_that_cannot_be_asked_has_the_tokens_of_known_families_broken_up() -> None:
    """And no word in brackets of code."""
    judge = made("judge", FakeTransport({}))
    assert isinstance(judge, Judging)
    families = [token for token in SPECIAL if token not in ("[bot]", "[unused1]")]
    await judge.learn_special(
        [Pair(Query.of("q"), text) for text in [*families, "a[key] and b[index]"]]
    )

    assert [token for token in families if judge._text(token) == token] == []
    assert judge._text("a[key] and b[index]") == "a[key] and b[index]"


async def test_no_number_of_made_up_tags_spoils_how_others_texts_are_read() -> None:
    """A full table forgets and asks again; it does not take unknown strings for special."""
    judge = made("judge", tokenizing_server())
    assert isinstance(judge, Judging)
    for start in range(0, MAX_REMEMBERED + 1000, 32):  # a call asks about so many
        await judge.learn_special(
            [Pair(Query.of("q"), " ".join(f"<Tag{place}>" for place in range(start, start + 32)))]
        )
    text = "std::vector<OtherType> v; map<Tag1> w;"

    await judge.learn_special([Pair(Query.of("q"), text)])

    assert judge._text(text) == text


async def test_a_text_that_fills_the_memory_while_another_is_read_changes_nothing_for_it() -> None:
    """A call keeps the answers that it got."""
    judge = made("judge", tokenizing_server())
    assert isinstance(judge, Judging)
    text = "std::vector<MyType> v;"
    await judge.learn_special([Pair(Query.of("q"), text)])

    async def flood() -> None:
        for start in range(0, MAX_REMEMBERED + 100, 50):
            await judge.learn_special(
                [Pair(Query.of("q"), " ".join(f"<T{place}>" for place in range(start, start + 50)))]
            )

    await asyncio.create_task(flood())

    assert judge._text(text) == text


async def test_one_text_with_many_tags_does_not_spoil_the_code_beside_it() -> None:
    """Each text may ask about a number of strings; Assay breaks up the rest in that text."""
    judge = made("judge", tokenizing_server())
    assert isinstance(judge, Judging)
    flood, code = "".join(f"<A{place}>" for place in range(3000)), "std::vector<MyType> v;"

    await judge.learn_special([Pair(Query.of("q"), flood), Pair(Query.of("q"), code)])

    assert judge._text(code) == code
    assert f"<{WORD_JOINER}A2999>" in judge._text(flood)


async def test_a_string_that_the_server_refuses_does_not_end_the_asking() -> None:
    """A 400 concerns that string; a 404 means that the endpoint is missing."""

    def picky(asked: dict[str, Any]) -> tuple[int, Any]:
        return (
            (400, {"detail": "no"})
            if "bad" in asked["prompt"]
            else (200, {"tokens": ids_of(asked["prompt"])})
        )

    judge = made("judge", FakeTransport({"/tokenize": picky}))
    assert isinstance(judge, Judging)
    for text in ("<bad>", "<fine>"):
        await judge.learn_special([Pair(Query.of("q"), text)])

    assert judge._text("<fine>") == "<fine>"
    assert judge._text("<bad>") == f"<{WORD_JOINER}bad>"
