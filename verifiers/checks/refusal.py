"""A signal that needs no model: the candidate answers, and does not refuse to."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import Pair, Verdict
from assay.verifiers.safety.echo import is_echo
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.safety.non_answers import non_answer_reason

#: Refusals stand at the beginning; later on, "I cannot" is usually about something else.
REFUSAL_CHARACTERS = 300
REFUSALS = re.compile(
    r"(?:i['’]?m|i am|we['’]?re|we are) (?:very |really |so |truly )?(?:sorry|afraid|unable|not"
    r" able|not allowed|not programmed|not sure (?:how|what|whether|which|if|who|where|why))"
    r"|i (?:must|have to|will have to) (?:respectfully )?(?:decline|refuse)\b"
    r"|i (?:can['’]?t|cannot|can not|won['’]?t|will not|am not going to)"
    r" (?:help|assist|answer|provide|comply|fulfil+|do that|do this|discuss|create|generate|write"
    r"|give|share|engage|support|prove|solve|compute|calculate|translate|explain|summari[sz]e|list"
    r"|choose|reply|respond|access|browse|recommend|offer|complete|verify|determine|tell|say)\b"
    r"|i (?:refuse|decline) to|i['’]?d rather not|i would rather not|i prefer not to"
    r"|as an? (?:ai|artificial intelligence|language model)"
    r"|i (?:do not|don['’]?t) (?:have (?:access|the ability|enough information)|feel"
    r" comfortable|know(?! that| how| why))"
    r"|(?:this|that|your) (?:request|question) (?:violates|is against|goes against)"
    r"|(?:es tut mir leid|ich kann (?:dir|ihnen|dabei|das) nicht)"
    r"|(?:lo siento|no puedo (?:ayudar|proporcionar))|(?:je suis désolé|je ne peux pas)"
    r"|(?:对不起|抱歉|我无法|我不能)|(?:申し訳(?:ありません|ございません))",
    re.IGNORECASE,
)


#: Texts that say nothing, whole; longer ones may go on to an answer.
LONGEST_EMPTY_WORDS = 120
QUESTION = (
    r"(?:(?:what|that['’]?s|that is) )?(?:an? )?(?:great|good|nice|excellent|interesting) question"
)
OFFER = (
    r"i (?:can|will|['’]?ll) (?:gladly )?help(?: you)?(?: with (?:that|this))?"
    r"|i['’]?d be (?:happy|glad) to help(?: you)?(?: with (?:that|this))?|let me (?:help|think|see)"
)
EMPTY_WORDS = re.compile(
    r"\W{0,20}(?:(?:i['’]?m |i am )?(?:not sure|unsure|uncertain)"
    r"|(?:i have )?no (?:idea|clue|comment)"
    r"|i (?:do not|don['’]?t|really don['’]?t) (?:really )?(?:know|remember|understand)"
    r"(?: (?:the|this|that|your)(?: (?:answer|question|one))?)?"
    r"|idk|dunno|n/?a|it depends|(?:the )?answer is|here (?:is|are)(?: (?:it|the answer))?"
    r"|as (?:requested|asked)|lorem ipsum[^\n]{0,100}|todo|tbd|h+m+"
    rf"|(?:ok|okay|sure|certainly|of course|absolutely|yes)[,!. ]{{1,3}}(?:{QUESTION}|{OFFER})"
    rf"|{QUESTION}|{OFFER})\W{{0,20}}",
    re.IGNORECASE,
)
#: One Latin letter, which hardly answers anything but a choice, or a question for a letter.
LETTER = re.compile(r"\W{0,20}[A-Za-z]\W{0,20}")
LETTERS_WANTED = re.compile(
    r"(?i)\b(?:letters?|symbols?|options?|choices?|choose|grades?|vitamins?|notes?|keys?|blood"
    r" types?|variables?|initials?|pronouns?|numerals?|articles?|words?|vowels?|consonants?"
    r"|constants?|languages?|which of)\b|(?:^|\s)\(?[A-Da-d][).:]\s"
)
SEARCHED_QUERY_END = 4000
#: Queries for a translation, and words of a refusal to translate.
TRANSLATES = re.compile(
    r"(?i)\b(?:translat\w*|how (?:do|would) (?:you|i|we) say|in (?:french|german|spanish"
    r"|english|italian|latin|portuguese|chinese|japanese)\b)"
)
OF_ITSELF = re.compile(
    r"(?i)translat|help|assist|provide|as an? (?:ai|artificial|language)|answer|request|comply"
    r"|ayudar|unable|not able|das geht nicht"
)


class RefusalSettings(VerifierSettings):
    """The refusal check."""

    kind_is_about: ClassVar[About] = "form"
    vetoes: ClassVar[bool] = True
    kind: Literal["refusal"] = "refusal"
    phrases: tuple[str, ...] = Field(
        (), max_length=100, description="Further phrases that refuse, as plain text."
    )

    @field_validator("phrases")
    @classmethod
    def _say_something(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(phrase.strip() for phrase in phrases):
            raise ValueError("a phrase must not be empty")
        return phrases


class Refusal(LocalVerifier):
    """1 for an answer; 0 for a refusal, an echo of the query, and a text that answers nothing."""

    def __init__(self, settings: RefusalSettings) -> None:
        super().__init__(settings)
        self.phrases = tuple(phrase.casefold() for phrase in settings.phrases)

    def _score_one(self, pair: Pair) -> Verdict:
        whole = as_read(pair.candidate)
        if (why := self._no_answer(pair, whole)) is not None:
            return Verdict(0.0, reason=why)
        text = whole[:REFUSAL_CHARACTERS]
        match = REFUSALS.search(text)
        if (
            match
            and TRANSLATES.search(pair.query.text[-SEARCHED_QUERY_END:])
            and not OF_ITSELF.search(text)
        ):
            match = None  # a right translation may be an apology
        refusal = (
            match.group()
            if match
            else next((phrase for phrase in self.phrases if phrase in text.casefold()), None)
        )
        return Verdict(1.0) if refusal is None else Verdict(0.0, reason=f"refuses: {refusal!r}")

    def _no_answer(self, pair: Pair, text: str) -> str | None:
        """Return why a text answers nothing, beside refusals; None if it may be an answer."""
        if (why := non_answer_reason(text)) is not None:
            return why
        if len(text) <= LONGEST_EMPTY_WORDS and EMPTY_WORDS.fullmatch(text):
            return "it answers nothing"
        letter = LETTER.fullmatch(text)
        if (
            letter is not None
            and LETTERS_WANTED.search(pair.query.text[-SEARCHED_QUERY_END:]) is None
        ):
            return "a single letter, which the query does not ask for"
        return "it repeats the query" if is_echo(pair.query, pair.candidate) else None
