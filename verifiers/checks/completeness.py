"""Checks, without a model, that the candidate has an answer, an end and the wanted form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import ClassVar, Literal

from assay.verifiers.checks.base import LocalVerifier, searched
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import Pair, Verdict
from assay.verifiers.safety.invisible import as_read

ANSWER = re.compile(
    r"(?i)\banswer\s{0,64}(?:is|:|=)|\\boxed\s{0,64}\{|####|\b(?:therefore|so|thus|in"
    r" total|hence)\b[^.\n]{0,80}\d"
)
ENDS = re.compile(r"[.!?…:;)\]}\"'`$>*0-9。！？」』”’]\s*$")
PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


class CompletenessSettings(VerifierSettings):
    """The completeness check; it has no settings of its own."""

    kind_is_about: ClassVar[About] = "form"
    kind: Literal["completeness"] = "completeness"


class Completeness(LocalVerifier):
    """The share of three marks of a finished answer that a candidate bears.

    An empty one bears none.
    """

    def _score_one(self, pair: Pair) -> Verdict:
        text = as_read(pair.candidate)
        marks = (
            bool(text) and answers(text),
            bool(text) and not cut_off(text),
            bool(text) and as_asked(pair.query.text, text),
        )
        return Verdict(sum(marks) / len(marks))


def answers(text: str) -> bool:
    """Return whether an answer is stated, or the whole text is short enough to be one."""
    return len(text) <= 120 or searched(ANSWER, text)


def cut_off(text: str) -> bool:
    """Return whether the text stops in the middle: of a sentence, a bracket or a code block."""
    if text.count("```") % 2:
        return True
    if any(text.count(opening) > text.count(closing) for opening, closing in PAIRS):
        return True
    return len(text) > 120 and ENDS.search(text[-8:]) is None


def as_asked(query: str, text: str) -> bool:
    """Return whether the candidate has each form that the query names."""
    return all(has(text) for named, has in ANSWER_FORMS if named.search(query[-4000:]))


def _is_json(text: str) -> bool:
    try:
        json.loads(re.sub(r"^```(?:json)?|```$", "", text.strip()).strip())
    except (ValueError, RecursionError):
        return False
    return True


def _states_number(text: str) -> bool:
    return re.search(r"(?i)\banswer is:?\s*\**[-$€£]?\d", text) is not None


ANSWER_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"\\boxed"), lambda text: re.search(r"\\boxed\s*\{[^}]", text) is not None),
    (re.compile(r"(?i)the answer is (?:N|X|<[^>]+>|\[[^\]]+\])\b"), _states_number),
    (re.compile(r"(?i)\b(?:reply|respond|answer|output)\b[^.\n]{0,40}\bJSON\b"), _is_json),
    (re.compile(r"####"), lambda text: "####" in text),
)
