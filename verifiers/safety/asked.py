"""What a query asks for: a word, a sentence, a yes; and the words that it brings along."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from assay.verifiers.contract.verifier import Query
from assay.verifiers.safety.echo import asking_part
from assay.verifiers.safety.folding import folded
from assay.verifiers.safety.refusals import QUOTED

#: Characters of a candidate that are read, and of a query's end.
LONGEST_READ, QUERY_END_READ = 20_000, 4000
#: A longer query has its answer in its own words as often as not.
MOST_ASKED = 30
#: Queries for sentences, as a translation or a quotation: their answers may read like refusals.
WANTS_SENTENCES = re.compile(
    r"\b(?:translat\w{0,8}|say|says|said|sang|sings?|quotes?|quoted|means?|meaning|asks?|asked"
    r"|shouts?|greets?|greetings?|stands? for|phrases?|sentences?|titles?|songs?|lyrics|lines?"
    r"|write(?! (?:\w{1,20} ){0,4}(?:function|code|query|program|script|command"
    r"|class))|rewrite|paraphrase|compose|draft|repeat|complete|messages?|apolog\w{1,5}"
    r"|example of|should \w{1,12}(?: \w{1,12}){0,4} (?:answer|reply|respond)|how (?:do|should) i"
    r" tell|in (?:french|german|spanish|english|italian|latin|portuguese|chinese|japanese"
    r"|russian))\b|\bletters? to\b"
)
#: Queries for a word; where they hold a sentence in quotes, they are for a sentence.
WANTS_WORD = re.compile(r"\b(?:synonyms?|antonyms?|opposite|plural|words?|letters?)\b")
#: Queries for a translation, and the text to translate, whose words a translation may share.
TRANSLATES, TRANSLATED = re.compile(r"\btranslat"), re.compile(r":\s[^\0]{1,4000}")
#: Queries whose answer may consist of their own words.
IN_ITS_WORDS = re.compile(
    r"^\W{0,5}(?:is|are|was|were|do|does|did|can|could|may|should|would|will|has|have|had)\b|\bor\b"
    r"|\bwhich (?:of|is|one|came)\b|\b(?:repeat|copy|echo|quote|correct|fix|proofread|sort|order"
    r"|extract|choose|select|pick|find|complete|spell|fill|put|true)\b|_{2,}"
)
ASKS_YES = re.compile(
    r"(?i)\W{0,5}(?:is|are|was|were|do|does|did|can|could|may|should|would|will|has|have|had|am)\b"
)
#: Whoever asks where or whom is rightly sent there.
ASKS_WHERE = re.compile(r"\b(?:where|who|whom|how (?:do|can|should)|should i)\b")
SPOKEN_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def word_set(*lines: str) -> frozenset[str]:
    """Return the words of some lines."""
    return frozenset(word for line in lines for word in line.split())


ASKS_BACK = word_set(
    "what which who whom whose when where why how",
)
GRAMMAR = ASKS_BACK | word_set(
    "a an the this that these those it its i you he she we they me my your our us of in on at",
    "to by for from with about as into and or if so then than there be is are was were been",
    "being am do does did have has had will would can could may might must should shall just",
    "very really some any i'm i'd i'll i've you'd you'll it's that's what's here's let's let",
    "but however though",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query asks for: its words that carry meaning, and what its answer may look like."""

    text: str
    counts: Counter[str]
    wants_sentences: bool
    wants_words: bool
    in_its_words: bool

    def has(self, word: str) -> bool:
        """Return whether a word is one of the query's; a number may be the answer itself."""
        return stem(word) in self.counts and not word.isdigit()

    def names(self, word: str) -> bool:
        """Return whether a word is one of the query's that carry meaning."""
        return word not in GRAMMAR and stem(word) in self.counts


def asked_of(query: Query) -> Asked:
    """Return what a query's last turn asks for."""
    return _asked(query.messages[-1].content[-QUERY_END_READ:] if query.messages else "")


@lru_cache(maxsize=16)
def _asked(query: str) -> Asked:
    whole = folded(query)
    text = asking_part(whole)
    words = SPOKEN_WORD.findall(TRANSLATED.sub(":", text) if TRANSLATES.search(text) else text)
    wants_word = WANTS_WORD.search(whole) is not None
    wants_sentences = WANTS_SENTENCES.search(whole) is not None or (
        wants_word and any(" " in quoted for quoted in QUOTED.findall(whole))
    )
    return Asked(
        text,
        Counter(map(stem, words)) if len(words) <= MOST_ASKED else Counter(),
        wants_sentences,
        wants_sentences or wants_word,
        IN_ITS_WORDS.search(text) is not None,
    )


def stem(word: str) -> str:
    """Return a word's beginning, which its forms share."""
    word = word.removesuffix("'s")
    word = word[:5] if len(word) > 5 else word.removesuffix("s") if len(word) > 3 else word
    return word.replace("y", "i")
