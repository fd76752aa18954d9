"""Finds candidates with the same answer, in a worker process: symbolic mathematics can hang."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from itertools import product
from typing import Any

from assay.verifiers.checks.answers.number_values import Number, number_in, number_key, value_of
from assay.verifiers.checks.forked import forked
from assay.verifiers.safety.invisible import as_read

#: An answer comes last: so many characters of a text are read for it, from its end or from the last
#: answer stated.
TAIL = 4000
STATED = re.compile(r"(?i)\banswer\s*(?:is|:|=)\s*(?=(?P<answer>[^\n]{1,300}))")
BOXED = re.compile(r"\\boxed\s*\{(?P<answer>(?:[^{}\n]|\{[^{}\n]{0,100}\}){1,300})\}")
HASHES = re.compile(r"####\s*(?P<answer>[^\n]{1,300})")
#: Words that stand beside a stated answer.
MARKED = re.compile(r"(?i)answer|\\boxed|####")
#: A sentence at the end that leads to a number: "So it is 7." "3 + 4 = 7"
CONCLUDED = re.compile(
    r"(?i)(?:^|\n|=|:|\b(?:is|are|be|equals?|gives?|get|makes?|so|therefore|thus|hence)\b)[ \t*$]*"
    r"(?P<answer>[-+−$\\.\d][^\n=:a-z]{0,60}(?:per ?cent)?)[*_!. \t]*$"
)
LONGEST_CONCLUSION = 200  # characters at the end that are searched for it
#: Different answers that are no numbers, which one more is compared with.
MOST_OPENED = 64
#: Signs of a mathematical answer, even if the query has no number in it.
MATHEMATICAL = re.compile(r"\\boxed|\\frac|####|(?i:answer\s*(?:is|:)\s*\**[-$]?\d)")


def ending(text: str) -> str:
    """Return the part of a text that states its answer.

    That is its end, or else the text from the last stated answer on.
    """
    text = as_read(text)
    if len(text) <= TAIL or _stated(text[-TAIL:]):
        return text[-TAIL:]
    stated = _stated(text)
    begin = max(match.start() for match in stated) if stated else len(text) - TAIL
    return text[begin : begin + TAIL]


def _stated(text: str) -> list[re.Match[str]]:
    return [match for pattern in (BOXED, HASHES, STATED) for match in pattern.finditer(text)]


def plain_answer(text: str) -> str | None:
    """Return the answer as normalised text: the last stated one, else the last line.

    None without one.
    """
    return _plain(ending(text))


def _plain(text: str) -> str | None:
    """Return the answer of a text's ending."""
    answer = re.sub(r"[\s*_`\"'$\\.!,;:()\[\]{}]+", " ", _as_written(text)).strip().casefold()
    return re.sub(r"^(?:the|a|an) ", "", answer) or None


def _as_written(text: str) -> str:
    """Return the answer of a text's ending as it stands there; its last line if none is stated."""
    text = text.strip()
    stated = _stated(text)
    if not stated:
        return text.rsplit("\n", 1)[-1]
    answer = max(stated, key=lambda match: match.start()).group("answer")
    return re.split(r"(?<=[^\d])\.\s|\.$|(?<=\d)\.\s", answer)[0]


def same_plain_answers(texts: Sequence[str], by_value: bool = False) -> list[int | None]:
    """Return the number of each text's answer group, compared as text; None without an answer.

    `by_value`: answers that are one number are compared by its value.
    """
    groups: dict[Hashable, int] = {}
    keys = [_plain_key(ending(text), by_value) for text in texts]
    return [None if key is None else groups.setdefault(key, len(groups)) for key in keys]


def distinct_answers(texts: Sequence[str], mathematical: bool = False) -> list[Hashable | None]:
    """Return a key of each text's answer, equal for equal answers; numbers by their value.

    None if a text of several lines states none. `mathematical`: the query asks for a number, so a
    sentence that ends with one states it.

    The last line of a longer text is its answer only by a guess: two that end alike need not say
    the same.
    """
    return [_distinct(text, mathematical) for text in map(ending, texts)]


def _distinct(text: str, mathematical: bool) -> Hashable | None:
    if MARKED.search(text) is None:
        text = text.strip()
        concluded = CONCLUDED.search(text[-LONGEST_CONCLUSION:]) if mathematical else None
        if concluded is not None:
            text = concluded["answer"]
        elif "\n" in text:
            return None
    return _plain_key(text, by_value=True)


def _plain_key(text: str, by_value: bool) -> Hashable | None:
    """Return a key of a text's answer: a number's value if asked to, else normalised text."""
    value = number_in(_as_written(text)) if by_value else None
    return _plain(text) if value is None else number_key(value)


def same_answers(texts: Sequence[str], mathematical: bool, time_limit_s: int) -> list[int | None]:
    """Return the number of each text's answer group; mathematical answers are compared by value.

    `time_limit_s` bounds each single parse and comparison by math-verify's own alarm; the caller
    bounds the whole.
    """
    from math_verify import parse

    groups: dict[Hashable, int] = {}
    opened: list[tuple[Any, int]] = []  # answers with unknowns or sets, to be compared one by one
    numbers: list[int | None] = []
    for text in map(ending, texts):
        by_value = mathematical or MATHEMATICAL.search(text) is not None
        key = _plain_key(text, by_value)
        if by_value and not isinstance(key, tuple):  # which a number's key is
            parsed = parse(text, parsing_timeout=time_limit_s)
            if parsed:
                key, value = _key(parsed)
                if value is None and key not in groups:
                    same = _equal_opened(parsed, opened, time_limit_s)
                    groups[key] = len(groups) if same is None else same
                    if len(opened) < MOST_OPENED:
                        opened.append((parsed, groups[key]))
        numbers.append(None if key is None else groups.setdefault(key, len(groups)))
    return numbers


def _equal_opened(
    parsed: Sequence[Any], opened: Sequence[tuple[Any, int]], time_limit_s: int
) -> int | None:
    """Return the group of the first answer that equals another one; None without one."""
    from math_verify import verify

    return next(
        (group for other, group in opened if verify(other, parsed, timeout_seconds=time_limit_s)),
        None,
    )


def _key(parsed: Sequence[Any]) -> tuple[Hashable, Number | None]:
    """Return a key of equal answers, and the value if it is a constant.

    A constant beyond all floats has an infinite value, and is compared by its text.
    """
    value = value_of(parsed[0])
    if value is None or math.isinf(value):
        return ("expression", str(parsed[-1])), value
    return number_key(value), value


def load_math() -> None:
    """Load the mathematics, which takes longer than a comparison may."""
    from math_verify import parse, verify

    verify(parse("$1$"), parse("$1$"))


def equal_one_by_one(
    texts: Sequence[str], reference: str, each_s: float
) -> list[bool | str | None]:
    """Return the result of `equals_reference` for each text, computed in a process of its own.

    "time" or "died" without a result.
    """
    return [_equal_alone(text, reference, each_s) for text in texts]


def _equal_alone(text: str, reference: str, seconds: float) -> bool | str | None:
    def compare() -> bytes:
        try:
            return str(equals_reference([text], reference, max(1, int(seconds)))[0]).encode()
        except TimeoutError:
            return b"time"

    try:
        outcome = forked(compare, seconds)
    except TimeoutError:
        return "time"
    return {b"True": True, b"False": False, b"None": None, b"time": "time"}.get(outcome, "died")


def equals_reference(
    texts: Sequence[str], reference: str, time_limit_s: int
) -> list[bool | str | None]:
    """Return whether each text's answer equals the reference by value.

    None if no answer, or no mathematics, was found.

    "time" where a parse or a comparison overran `time_limit_s`: it is not known, and must not count
    as different. Raises TimeoutError if the reference itself does.
    """
    reference = as_read(reference)
    expected = _parsed(
        reference if "\\boxed" in reference or "$" in reference else f"${reference}$", time_limit_s
    )
    expected = expected or _parsed(reference, time_limit_s)
    plain = plain_answer(reference)
    equal: list[bool | str | None] = []
    for text in map(ending, texts):
        try:
            parsed = _parsed(text, time_limit_s)
            if expected and parsed:
                equal.append(_equal(expected, parsed, time_limit_s))
                continue
        except TimeoutError:
            equal.append("time")
            continue
        answer = _plain(text)
        equal.append(None if answer is None or plain is None else answer == plain)
    return equal


def _parsed(text: str, time_limit_s: int) -> list[Any]:
    """Return math-verify's reading of a text.

    Raises TimeoutError.
    """
    from math_verify import parse
    from math_verify.errors import TimeoutException

    try:
        return list(parse(text, parsing_timeout=time_limit_s, raise_on_error=True))
    except TimeoutException:
        raise TimeoutError from None
    # sympy raises errors of any kind on hostile text; math-verify, too, takes that for no
    # mathematics.
    except Exception:
        return []


def _equal(expected: Sequence[Any], forms: Sequence[Any], time_limit_s: int) -> bool:
    """Return whether one reading of an answer equals one of the other.

    Raises TimeoutError if none is known to.
    """
    from math_verify import verify
    from math_verify.errors import TimeoutException

    late = False
    for first, other in product(expected, forms):
        try:
            if verify(first, other, timeout_seconds=time_limit_s, raise_on_error=True):
                return True
        except TimeoutException:
            late = True
        except Exception:  # noqa: S112 - sympy stumbles in any way: what cannot be compared is not equal
            continue
    if late:
        raise TimeoutError
    return False
