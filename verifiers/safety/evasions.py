"""Answers that evade: they refuse, know nothing, or say their query's own words again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from assay.verifiers.contract.verifier import Query
from assay.verifiers.safety.asked import (
    ASKS_BACK,
    ASKS_WHERE,
    ASKS_YES,
    GRAMMAR,
    LONGEST_READ,
    SPOKEN_WORD,
    Asked,
    asked_of,
    stem,
    word_set,
)
from assay.verifiers.safety.echo import is_echo
from assay.verifiers.safety.folding import folded
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.safety.non_answers import non_answer_reason
from assay.verifiers.safety.refusals import (
    CANNOT,
    OF_ITSELF,
    QUOTED,
    REFUSES,
    ignorance_in,
    outside_quotes,
    refusal_in,
)
from assay.verifiers.safety.talk import POINTING, is_talk

#: Counted up whenever a text may be judged otherwise than before: kept scores are then asked for
#: again.
EVASION_RULES = 2
#: Refusals stand at the beginning; later on, "I cannot" is usually about something else.
REFUSAL_CHARACTERS = 300
#: A longer text says something, whatever it is.
LONGEST_EVASION = 600
#: A shorter text may well be an answer, even of everyday words.
FEWEST_EMPTY_WORDS = 3
#: Fewer words of the query may be a name in it: "In what state is New York City?"
FEWEST_RESTATED = 3
AFFIRMS = re.compile(r"(?i)\W{0,5}(?:sure|certainly|of course)\W{0,5}")
YES_OR_NO = re.compile(r"\W{0,5}(?:yes|no|yeah|nope)\b")
REFUSAL_SENTENCES = re.compile(r"(?:[.!?;:]|…)(?=\s|$)|\n")
CLAUSES = re.compile(
    r"(?:[.!?;:]|…|\.\.)(?=\s|$)|\n|,\s| [–—-] |\b(?:but|however|though|although|yet)\b"
)
#: A query of writer or reader may have an answer in the first person, and so may a hedge.
PERSONS = re.compile(r"\b(?:i|me|my|mine|you|your|yours|we|us|our)\b")
OTHERWISE = re.compile(r"\b(?:but|however|though|although|other than|except|unless|more|enough)\b")
#: Characters before "I cannot", as of an apology.
LATEST_WRITER = 30
ADDS_NOTHING = "it adds nothing to the query"
#: What stands for an answer that is still to come.
PLACEHOLDERS = re.compile(
    r"[\[<{(](?:redacted|removed|deleted|censored|withheld|omitted|blank|placeholder|unknown"
    r"|classified|(?:insert|your|enter|add|put|the|answer|name)\b[^\]>})\n]{0,40})[\]>})]"
    r"|\b(?:to ?do|tbd|tba|n/a|x{3,9})\b|_{2,40}|\?{2,40}|(?m:^\s{0,8}\d{1,2}[.)]\s{0,8}$)"
)
STUB = re.compile(
    r"\W{0,5}(?:python)?\s{0,5}def [^\n]{1,200}:\s{1,40}(?:#[^\n]{0,100}\s{1,40})?(?:pass|\.\.\."
    r"|return|return none|raise notimplementederror(?:\(\))?)\W{0,5}"
)
#: Ends of a sentence that was about to say something.
BROKEN_OFF = re.compile(
    r"(?:\b(?:is|are|was|were|be|of|the|a|an|as|to|by|in|for)\W{0,12}|:\W{0,6})$"
)
#: Words about answering, and of politeness: they answer nothing by themselves.
MANNERS = word_set(
    "answer answers question questions topic topics subject matter thing things something",
    "asked ask asking asks wonder wondering know knowing like want great good nice excellent",
    "interesting fascinating important wonderful tough tricky sure certainly course",
    "absolutely okay ok yes glad happy gladly delighted help helping assist think thinking",
    "see look find finding back get sorry apologies apologize apologise unfortunately sadly",
    "regrettably hello hi thanks thank please request requests provide tell give say explain",
    "here below following follows above clarify rephrase details more mean proof solution",
    "summary explanation translation overview response reply definition description example",
    "consult ",
    "source sources hmm well now one first todo",
    "given provided listed shown as able",
)
#: Whom a text sends its reader to; by themselves they may be the answer.
AUTHORITIES = word_set(
    "doctor expert professional encyclopedia internet web online google wikipedia dictionary",
    "atlas textbook teacher specialist",
)
SENT_ELSEWHERE = re.compile(r"\b(?:consult|ask|look|check|search|refer|contact|visit)\b")


def no_answer_reason(query: Query, candidate: str) -> str | None:
    """Return why a candidate is no answer to a query, in words; None if it may be one."""
    if (why := non_answer_reason(candidate)) is not None:
        return None if _affirms(query, candidate) else why
    return "it repeats the query" if is_echo(query, candidate) else evasion_of(query, candidate)


def evasion_of(query: Query, candidate: str) -> str | None:
    """Return why a candidate answers nothing, in words; None if it may be an answer.

    A sentence that refuses decides within the first `REFUSAL_CHARACTERS`. Otherwise all clauses
    must be empty: of ignorance, of politeness, or the query's own words again.
    """
    whole = folded(candidate[:LONGEST_READ])
    asked = asked_of(query)
    if asked.wants_sentences and QUOTED.fullmatch(whole):
        return None
    refusal = _refusal(asked, outside_quotes(whole)[:REFUSAL_CHARACTERS])
    if refusal is not None:
        return f"refuses: {refusal!r}"
    if not whole or len(whole) > LONGEST_EVASION:
        return None
    if STUB.fullmatch(whole):
        return "a function without a body"
    rest = PLACEHOLDERS.sub(" ", whole)
    if rest != whole and POINTING.issuperset(SPOKEN_WORD.findall(rest)):
        return None if asked.in_its_words or asked.wants_words else "a placeholder"
    reason = _emptiness(asked, whole, rest)
    return None if reason == ADDS_NOTHING and _is_name(candidate) else reason


def _is_name(candidate: str) -> bool:
    """Return whether all words but those of grammar are capitalised: "New York City"."""
    words = [
        word for word in SPOKEN_WORD.findall(as_read(candidate)) if word.casefold() not in GRAMMAR
    ]
    return len(words) > 1 and all(word[0].isupper() for word in words)


def _affirms(query: Query, candidate: str) -> bool:
    """Return whether a text says yes to a question of yes or no, in a word that opens others."""
    return (
        AFFIRMS.fullmatch(candidate) is not None
        and ASKS_YES.match(asked_of(query).text) is not None
    )


def _refusal(asked: Asked, text: str) -> str | None:
    """Return the words that refuse; where words are wanted, only those that speak of the query."""
    if asked.in_its_words and YES_OR_NO.match(text):
        return None  # "No, I cannot" to "Can you ...?"
    for sentence in REFUSAL_SENTENCES.split(text):
        words = refusal_in(sentence)
        own = CANNOT.search(sentence)
        if words is None and own is not None and _adds_nothing(asked, sentence[own.end("verb") :]):
            words = own.group() if asked.has(own["verb"]) else None
        if words is None and own is not None and _of_the_writer(asked, text, own.start()):
            words = own.group()
        if words is not None and (not asked.wants_sentences or _of_query(asked, sentence, words)):
            return words
    return None


def _of_the_writer(asked: Asked, text: str, start: int) -> bool:
    """Return whether a text's only sentence says what its writer cannot, asked of other things."""
    sentences = [sentence for sentence in REFUSAL_SENTENCES.split(text) if sentence.strip()]
    return (
        len(sentences) == 1
        and start <= LATEST_WRITER
        and PERSONS.search(asked.text) is None
        and not asked.wants_sentences
        and OTHERWISE.search(text) is None
    )


def _emptiness(asked: Asked, whole: str, rest: str) -> str | None:
    """Return why no clause of a text answers; None if one may."""
    words = SPOKEN_WORD.findall(rest)
    if ASKS_YES.match(asked.text) and YES_OR_NO.match(rest):
        return None
    if asked.wants_sentences and not any(map(asked.names, words)) and not OF_ITSELF.search(rest):
        return None
    clauses = [clause for clause in CLAUSES.split(rest) if SPOKEN_WORD.search(clause)]
    knows_nothing = False
    for clause in clauses:
        ignorance = ignorance_in(outside_quotes(clause))
        if ignorance is None and not _is_empty(asked, clause, whole):
            return None
        if asked.wants_sentences and ignorance and not _of_query(asked, clause, ignorance):
            return None
        knows_nothing = knows_nothing or ignorance is not None
    if knows_nothing:
        return "it does not know"
    if len(words) < FEWEST_EMPTY_WORDS and rest == whole and not whole.endswith(":"):
        return None
    return ADDS_NOTHING


def _is_empty(asked: Asked, clause: str, whole: str) -> bool:
    """Return whether a clause is talk about the query, or its words again, or breaks off."""
    words = SPOKEN_WORD.findall(clause)
    sends_away = ASKS_WHERE.search(asked.text) is None
    if is_talk(clause, lambda word: word in GRAMMAR or asked.has(word), sends_away):
        return not asked.in_its_words or not any(map(asked.names, words))
    broken = BROKEN_OFF.search(clause) is not None or BROKEN_OFF.search(whole) is not None
    if not all(
        word in GRAMMAR or asked.has(word) or (broken and word in POINTING) for word in words
    ):
        return False
    return broken or (not asked.in_its_words and _repeats(asked, words, whole))


def _repeats(asked: Asked, words: Sequence[str], whole: str) -> bool:
    """Return whether words of the query only repeat it, whatever their order.

    Where one of them stands more often than in the query, it may be the answer: "An orange is
    orange."
    """
    if " ".join(words) in " ".join(SPOKEN_WORD.findall(asked.text)):
        return True
    if words[0] in ASKS_BACK and whole.endswith("?"):
        return True
    if asked.wants_words:
        return False
    counts = Counter(stem(word) for word in words if word not in GRAMMAR)
    restated = len(counts) >= FEWEST_RESTATED and counts <= asked.counts
    return restated or not ASKS_BACK.isdisjoint(words[1:])


def _adds_nothing(asked: Asked, text: str) -> bool:
    polite = MANNERS | AUTHORITIES if SENT_ELSEWHERE.search(text) else MANNERS
    return all(
        word in GRAMMAR or word in polite or asked.has(word) for word in SPOKEN_WORD.findall(text)
    )


def _of_query(asked: Asked, sentence: str, refusing: str) -> bool:
    """Return whether a refusal is one of the query, and not the words that the query wants."""
    if OF_ITSELF.search(sentence):
        return True
    if (cannot := CANNOT.search(refusing)) is not None and asked.has(cannot["verb"]):
        return refusal_in(asked.text) is None  # "I cannot write poems", where one is wanted
    if "sorry" in refusing and len(REFUSES.findall(sentence)) == 1 and not CANNOT.search(sentence):
        return False  # an apology alone
    rest = REFUSES.sub(" ", sentence.replace(refusing, " ", 1))
    done = CANNOT.search(refusing)
    named = SPOKEN_WORD.findall(rest) + ([] if done is None else [done["verb"]])
    return _adds_nothing(asked, rest) and any(map(asked.names, named))
