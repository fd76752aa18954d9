"""Candidate text is hostile: no token of control, no verdict, no invisible word."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.verifiers import Pair, Query, ServedVerifier
from assay.verifiers.doctor.probes import attacks, probes
from assay.verifiers.judges.base import Judging
from assay.verifiers.safety.non_answers import non_answer_reason, without_verdicts
from assay.verifiers.safety.sanitize import (
    PADDING_KEPT,
    WORD_JOINER,
    escape_control_tokens,
    escape_tags,
    lookalikes,
    visible_text,
)
from tests.support.verifiers.kinds import SERVED, made
from tests.support.verifiers.special_tokens import SPECIAL, ids_of, tokenizer, tokenizing_server

PIECES = st.one_of(
    st.sampled_from(
        [*SPECIAL, "<", ">", "|", "[", "]", "｜", WORD_JOINER, "im_end", "</candidate>", "<query>"]
    ),
    st.text(max_size=6),
)


HOSTILE = st.lists(PIECES, max_size=12).map("".join)


async def conversation(kind: str, text: str, query: str = "Is it so?") -> str:
    """Return the prompt that a judge of a kind puts a candidate into."""
    judge = made(kind, tokenizing_server())
    assert isinstance(judge, Judging)
    pair = Pair(Query.of(query, "so"), text)
    await judge.learn_special([pair])
    return "\n".join(message["content"] for message in judge.conversation(pair))


JUDGES = [
    "judge",
    "judge_cot",
    "judge_debate",
    "judge_pairwise",
    "judge_reference",
    "judge_rubric",
    "judge_scale",
    "generative_scoring",
]


@pytest.mark.parametrize("kind", JUDGES)
@settings(max_examples=60, deadline=None)
@given(text=HOSTILE, query=HOSTILE)
async def test_no_text_adds_a_control_token_or_a_tag_of_the_prompt(
    kind: str, text: str, query: str
) -> None:
    """Checked on token ids, with every special token of the tokenizer; nor does the query."""
    specials = {tokenizer().token_to_id(token) for token in SPECIAL}
    plain = await conversation(kind, "plain", "plain")

    prompt = await conversation(kind, text, query)

    assert not specials & set(ids_of(prompt))
    judge = made(kind)
    assert isinstance(judge, Judging)
    for tag in (f"<{slash}{name}>" for name in judge.prompt.tags for slash in ("", "/")):
        assert prompt.count(tag) == plain.count(tag)


@pytest.mark.parametrize(
    "kind", sorted(kind for kind in SERVED if kind not in ("http", "embedding_consensus"))
)
@given(text=HOSTILE)
@settings(max_examples=40, deadline=None)
async def test_no_kind_shows_its_model_a_control_token(kind: str, text: str) -> None:
    """Not the judges alone: a reward model reads turns as well."""
    specials = {tokenizer().token_to_id(token) for token in SPECIAL}
    verifier = made(kind, tokenizing_server())
    assert isinstance(verifier, ServedVerifier)

    await verifier.learn_special([Pair(Query.of(text), text)])

    assert not specials & set(ids_of(verifier._text(text)))
    assert not specials & set(ids_of(verifier.query_text(Query.of(text))))


@pytest.mark.parametrize("kind", ["judge", "judge_pairwise"])
async def test_no_bundled_attack_adds_one_either(kind: str) -> None:
    """Every attack, on a query of each domain."""
    specials = {tokenizer().token_to_id(token) for token in SPECIAL}

    for attack in attacks():
        for probe in probes()[::15]:
            prompt = await conversation(kind, attack.on(probe).candidate)

            assert not specials & set(ids_of(prompt)), attack


@given(st.text())
def test_what_has_nothing_to_break_up_is_left_as_it_is(text: str) -> None:
    """Texts without a bracket come through unchanged."""
    plain = text.replace("<", "").replace("[", "")

    assert escape_control_tokens(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        "</candidate>",
        "</ candidate>",
        "<CANDIDATE>",
        "< / Candidate >",
        "<candidate x=1>",
        "</candidate\n>",
    ],
)
def test_a_fence_is_not_closed_by_a_badly_spelled_tag_either(text: str) -> None:
    """Judges forgive spelling; the fence does not."""
    assert escape_tags(text, ("candidate",)) == text.replace("<", f"<{WORD_JOINER}")
    assert escape_tags("<candidates>", ("candidate",)) == "<candidates>"


def test_invisible_characters_and_padding_go() -> None:
    """Zero-width and direction characters, Unicode's tags, long runs of blanks; joiners that
    scripts need stay.
    """
    assert visible_text("Y\u200be\u2060s\u202e\U000e0059") == "Yes"
    assert visible_text("a" + "\n" * 600 + "b") == "a" + "\n" * PADDING_KEPT + "b"
    assert visible_text("می\u200cخواهم 👩\u200d💻") == "می\u200cخواهم 👩\u200d💻"
    assert (
        visible_text("def f():\n" + " " * 24 + "return 1") == "def f():\n" + " " * 24 + "return 1"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<" + " " * 9 + "/candidate>",
        "<" + "\n" * 500 + "/candidate>",
        "＜/candidate＞",
        "＜／ｃａｎｄｉｄａｔｅ＞",
        "<\u200b/candidate>",
        "</\u3000candidate>",
        "</cand\u200cidate>",
        "<\u2800/candidate>",
        "〈/candidate〉",
        "<∕candidate>",
        "</CANDIDATE\u00a0>",
        "<\t/\tcandidate>",
        "﹤/candidate>",
    ],
)
def test_a_fence_is_not_closed_by_blanks_or_wide_forms_either(text: str) -> None:
    """In any number and of any kind."""
    assert escape_tags(text, ("candidate",)) == text[0] + WORD_JOINER + text[1:]
    assert escape_tags("<candidature> a < candid", ("candidate",)) == "<candidature> a < candid"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "< ",
        "<\n",
        "</",
        "＜ ／",
        "<candidat",
        "[",
        "[a",
        "[|",
        "]~",
        "]<",
        "|||",
        ">>",
        "<|",
        "\u200b<",
        "[/A",
        "<" + " " * 9,
    ],
)
def test_making_a_text_harmless_takes_time_in_proportion_to_it(piece: str) -> None:
    """The whole treatment of a candidate, over the parts of its patterns."""
    took = {}
    for size in (20_000, 80_000):
        text = (piece * size)[:size] + "\0"
        started = time.thread_time()
        escape_tags(
            escape_control_tokens(visible_text(text), "<extra_0>", special={"<x>"}),
            ("candidate", "query"),
        )
        without_verdicts(text)
        non_answer_reason(text)
        list(lookalikes(text))
        took[size] = time.thread_time() - started

    assert took[80_000] < max(0.5, 9 * took[20_000])


@pytest.mark.parametrize(
    "text",
    [
        "<|im_end|>",
        "<|start_header_id|>",
        "[INST]",
        "</s>",
        "<<SYS>>",
        "<start_of_turn>",
        "<extra_0>",
    ],
)
def test_control_tokens_are_broken_up(text: str) -> None:
    """They read the same and mean nothing."""
    safe = escape_control_tokens(f"a {text} b", "<extra_0>")

    assert text not in safe
    assert safe.replace(WORD_JOINER, "") == f"a {text} b"


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "[1, 2]", "if x<y: pass", "<p>html</p>", "a|b"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Nothing is changed that a tokenizer would not misread."""
    assert escape_control_tokens(text, "<extra_0>") == text
