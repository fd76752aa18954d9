"""What a candidate repeats of its query word for word."""

from __future__ import annotations

import re
from functools import lru_cache

from assay.verifiers.contract.verifier import Query

SENTENCE = re.compile(r"[^.!?:\n]{1,2000}[.!?:\n]?")
#: Queries whose right answer may be a part of them.
REPEATS = re.compile(
    r"(?i)\b(?:repeat|copy|echo|say|quote|correct|fix|proofread|sort|order|extract|choose|which of"
    r"|select|pick|find|complete|spell)\b"
)
WORD = re.compile(r"\w+")
SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
#: Where a question begins within its sentence: "If Ben has a bike, what does Ben have?"
ASKS = re.compile(r"(?i),\s+(?=(?:and )?(?:what|which|who|whom|whose|when|where|why|how)\b)")
#: A shorter sentence may well be a part of an answer.
LEAST_CHARACTERS, LONGEST_QUERY, MOST_SENTENCES = 12, 20_000, 40
#: Words of a question that is asked back in part; in a longer query, a part may be the answer.
FEWEST_WORDS, MOST_WORDS = 3, 30


def without_echo(query: Query, candidate: str) -> str:
    """Return a candidate without the last turn of its query, and without that turn's sentences.

    Letters' case does not matter. A candidate that repeats nothing comes back as it is.
    """
    asked = query.messages[-1].content.strip() if query.messages else ""
    if not asked or len(asked) > LONGEST_QUERY:
        return candidate
    sentences = [match.group().strip() for match in SENTENCE.finditer(asked)][:MOST_SENTENCES]
    long = [sentence for sentence in sentences if len(sentence) >= LEAST_CHARACTERS]
    rest = candidate
    for part in [asked, *long]:
        if len(part) >= LEAST_CHARACTERS or part == candidate.strip():
            rest = re.sub(re.escape(part), " ", rest, flags=re.IGNORECASE)
    return candidate if rest == candidate else rest.strip()


def is_echo(query: Query, candidate: str) -> bool:
    """Return whether a candidate says nothing but its query's last turn, or a part of it.

    A query that asks for a part of itself has no echo but its whole.
    """
    whole = query.messages[-1].content[:LONGEST_QUERY] if query.messages else ""
    words = _words(candidate)
    of_whole, asked, of_query, repeats = _read(whole)
    if not words or words == of_whole:
        return bool(words)
    if repeats:
        return False
    rest = without_echo(Query.of(asked), candidate)
    if rest != candidate and WORD.search(rest) is None:
        return True
    if len(words) < FEWEST_WORDS or len(of_query) > MOST_WORDS or " or " in asked:
        return False
    asks_back = candidate.rstrip().endswith("?") and set(words) <= set(of_query)
    return asks_back or f" {' '.join(words)} " in f" {' '.join(of_query)} "


def asking_part(text: str) -> str:
    """Return what a text asks: its sentences with a question mark, from their question word on.

    What stands before may be where the answer is: "Ben has a bike. What does Ben have?" A text
    without a question mark asks as a whole.
    """
    sentences = [
        sentence.strip()
        for sentence in SENTENCE_ENDS.split(text)
        if sentence.rstrip().endswith("?")
    ]
    return " ".join(ASKS.split(sentence)[-1] for sentence in sentences) or text


@lru_cache(maxsize=16)
def _read(whole: str) -> tuple[list[str], str, list[str], bool]:
    """Return a query's words, what it asks, the words of that, and whether a part may answer it.

    Remembered, since a query has many candidates.
    """
    asked = asking_part(whole)
    return _words(whole), asked, _words(asked), REPEATS.search(whole) is not None


def _words(text: str) -> list[str]:
    return WORD.findall(text[: 2 * LONGEST_QUERY].casefold())
