"""Answers that evade: they refuse, know nothing, or say their query's own words again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.verifiers.contract.verifier import Query
from assay.verifiers.safety.echo import is_echo
from assay.verifiers.safety.folding import folded
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

#: Refusals stand at the beginning; later on, "I cannot" is usually about something else.
REFUSAL_CHARACTERS = 300
#: A longer text says something, whatever it is.
LONGEST_EVASION, LONGEST_READ = 600, 20_000
#: A shorter text may well be an answer, even of everyday words.
FEWEST_WORDS = 3
#: A longer query has its answer in its own words as often as not.
MOST_ASKED = 30
#: Queries for words: a translation, a quotation, a letter. Their answers may read like refusals.
WANTS_WORDS = re.compile(
    r"\b(?:translat\w{0,8}|say|says|said|sang|sings?|quotes?|quoted|means?|meaning|stands? for"
    r"|synonyms?|antonyms?|opposite|plural|words?|phrases?|sentences?|titles?|songs?|lyrics|lines?"
    r"|write(?! (?:\w{1,20} ){0,4}(?:function|code|query|program|script|command"
    r"|class))|rewrite|paraphrase|compose|draft|repeat|complete|letters?|messages?|apolog\w{1,5}"
    r"|example of|should \w{1,12}(?: \w{1,12}){0,4} (?:answer|reply|respond)|how (?:do|should) i"
    r" tell|in (?:french|german|spanish|english|italian|latin|portuguese|chinese|japanese"
    r"|russian))\b"
)
#: Queries for a translation, and the text to translate, whose words a translation may share.
TRANSLATES, TRANSLATED = re.compile(r"\btranslat"), re.compile(r":\s[^\0]{1,4000}")
#: Queries whose answer may consist of their own words.
IN_ITS_WORDS = re.compile(
    r"^\W{0,5}(?:is|are|was|were|do|does|did|can|could|may|should|would|will|has|have|had)\b|\bor\b"
    r"|\bwhich (?:of|is|one|came)\b|\b(?:repeat|copy|echo|quote|correct|fix|proofread|sort|order"
    r"|extract|choose|select|pick|find|complete|spell|fill|put|true)\b|_{2,}"
)
YES_OR_NO = re.compile(r"\W{0,5}(?:yes|no|yeah|nope)\b")
SENTENCES = re.compile(r"(?:[.!?;:]|…)(?=\s|$)|\n")
CLAUSES = re.compile(
    r"(?:[.!?;:]|…|\.\.)(?=\s|$)|\n|,\s| [–—-] |\b(?:but|however|though|although|yet)\b"
)
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
UNFINISHED = re.compile(
    r"(?:\b(?:is|are|was|were|be|of|the|a|an|as|to|by|in|for|follows|below)\W{0,12}|:\W{0,6})$"
)
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def _set(*lines: str) -> frozenset[str]:
    """Return the words of some lines."""
    return frozenset(word for line in lines for word in line.split())


ASKS_BACK = _set(
    "what which who whom whose when where why how",
)
GRAMMAR = ASKS_BACK | _set(
    "a an the this that these those it its i you he she we they me my your our us of in on at",
    "to by for from with about as into and or if so then than there be is are was were been",
    "being am do does did have has had will would can could may might must should shall just",
    "very really some any i'm i'd i'll i've you'd you'll it's that's what's here's let's let",
    "but however though",
)
#: Words about answering, and of politeness: they answer nothing by themselves.
MANNERS = _set(
    "answer answers question questions topic topics subject matter thing things something",
    "asked ask asking asks wonder wondering know knowing like want great good nice excellent",
    "interesting fascinating important wonderful tough tricky sure certainly course",
    "absolutely okay ok yes glad happy gladly delighted help helping assist think thinking",
    "see look find finding back get sorry apologies apologize apologise unfortunately sadly",
    "regrettably hello hi thanks thank please request requests provide tell give say explain",
    "here below following follows above clarify rephrase details more mean proof solution",
    "summary explanation translation overview response reply definition description example",
    "consult doctor expert professional encyclopedia internet web online google wikipedia",
    "dictionary source sources atlas textbook teacher specialist hmm well now one first todo",
    "given provided listed shown as able",
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query asks for: its words that carry meaning, and what its answer may look like."""

    text: str
    stems: frozenset[str]
    wants_words: bool
    in_its_words: bool

    @classmethod
    def of(cls, query: Query) -> _Asked:
        """Return what a query's last turn asks for."""
        text = folded(query.messages[-1].content[-LONGEST_READ:]) if query.messages else ""
        words = WORD.findall(TRANSLATED.sub(":", text) if TRANSLATES.search(text) else text)
        return cls(
            text,
            frozenset(map(_stem, words)) if len(words) <= MOST_ASKED else frozenset(),
            WANTS_WORDS.search(text) is not None,
            IN_ITS_WORDS.search(text) is not None,
        )

    def names(self, word: str) -> bool:
        """Return whether a word is one of the query's that carry meaning."""
        return word not in GRAMMAR and _stem(word) in self.stems


def no_answer_reason(query: Query, candidate: str) -> str | None:
    """Return why a candidate is no answer to a query, in words; None if it may be one."""
    if (why := non_answer_reason(candidate)) is not None:
        return why
    return "it repeats the query" if is_echo(query, candidate) else evasion_of(query, candidate)


def evasion_of(query: Query, candidate: str) -> str | None:
    """Return why a candidate answers nothing, in words; None if it may be an answer.

    A sentence that refuses decides within the first `REFUSAL_CHARACTERS`. Otherwise all clauses
    must be empty: of ignorance, of politeness, or the query's own words again.
    """
    whole = folded(candidate[:LONGEST_READ])
    asked = _Asked.of(query)
    if asked.wants_words and QUOTED.fullmatch(whole):
        return None
    refusal = _refusal(asked, outside_quotes(whole)[:REFUSAL_CHARACTERS])
    if refusal is not None:
        return f"refuses: {refusal!r}"
    if not whole or len(whole) > LONGEST_EVASION:
        return None
    if STUB.fullmatch(whole):
        return "a function without a body"
    rest = PLACEHOLDERS.sub(" ", whole)
    if rest != whole and WORD.search(rest) is None:
        return None if asked.in_its_words or asked.wants_words else "a placeholder"
    return _emptiness(asked, whole, rest)


def _refusal(asked: _Asked, text: str) -> str | None:
    """Return the words that refuse; where words are wanted, only those that speak of the query."""
    if asked.in_its_words and YES_OR_NO.match(text):
        return None  # "No, I cannot" to "Can you ...?"
    for sentence in SENTENCES.split(text):
        words = refusal_in(sentence)
        own = CANNOT.search(sentence)
        if words is None and own is not None and _adds_nothing(asked, sentence[own.end("verb") :]):
            words = own.group() if _stem(own["verb"]) in asked.stems else None
        if words is not None and (not asked.wants_words or _of_query(asked, sentence, words)):
            return words
    return None


def _emptiness(asked: _Asked, whole: str, rest: str) -> str | None:
    """Return why no clause of a text answers; None if one may."""
    words = WORD.findall(rest)
    if asked.wants_words and not any(map(asked.names, words)) and not OF_ITSELF.search(rest):
        return None
    clauses = [clause for clause in CLAUSES.split(rest) if WORD.search(clause)]
    knows_nothing = False
    for clause in clauses:
        ignorance = ignorance_in(outside_quotes(clause))
        if ignorance is None and not _is_empty(asked, clause, whole):
            return None
        if ignorance is not None and asked.wants_words and not _of_query(asked, clause, ignorance):
            return None
        knows_nothing = knows_nothing or ignorance is not None
    if knows_nothing:
        return "it does not know"
    if len(words) < FEWEST_WORDS and rest == whole and not whole.endswith(":"):
        return None
    return "it adds nothing to the query"


def _is_empty(asked: _Asked, clause: str, whole: str) -> bool:
    """Return whether a clause adds nothing: its words are the query's, or of mere politeness."""
    if not _adds_nothing(asked, clause):
        return False
    words = WORD.findall(clause)
    if UNFINISHED.search(clause) or UNFINISHED.search(whole):
        return True
    polite = any(word in MANNERS for word in words)
    if asked.in_its_words:
        return polite and not any(map(asked.names, words))
    again = " ".join(words) in " ".join(WORD.findall(asked.text))
    return polite or again or not ASKS_BACK.isdisjoint(words)


def _adds_nothing(asked: _Asked, text: str) -> bool:
    return all(
        word in GRAMMAR or word in MANNERS or (_stem(word) in asked.stems and not word.isdigit())
        for word in WORD.findall(text)
    )


def _of_query(asked: _Asked, sentence: str, refusing: str) -> bool:
    """Return whether a refusal is one of the query, and not the words that the query wants."""
    if OF_ITSELF.search(sentence):
        return True
    if "sorry" in refusing and len(REFUSES.findall(sentence)) == 1 and not CANNOT.search(sentence):
        return False  # an apology alone
    rest = REFUSES.sub(" ", sentence.replace(refusing, " ", 1))
    done = CANNOT.search(refusing)
    named = WORD.findall(rest) + ([] if done is None else [done["verb"]])
    return _adds_nothing(asked, rest) and any(map(asked.names, named))


def _stem(word: str) -> str:
    """Return a word's beginning, which its forms share."""
    word = word.removesuffix("'s")
    word = word[:5] if len(word) > 5 else word.removesuffix("s") if len(word) > 3 else word
    return word.replace("y", "i")
