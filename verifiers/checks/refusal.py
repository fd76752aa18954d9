"""A signal that needs no model: the candidate answers, and does not refuse to."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import Pair, Verdict
from assay.verifiers.safety.evasions import EVASION_RULES, REFUSAL_CHARACTERS, no_answer_reason
from assay.verifiers.safety.invisible import as_read

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
    r"\W{0,20}+(?:n/?a|(?:it|that|this) depends|(?:the )?answer is"
    r"|here (?:is|are)(?: (?:it|the answer))?|as (?:requested|asked)"
    r"|lorem ipsum[^\n]{0,100}|todo|tbd|h{1,20}m{1,20}"
    rf"|(?:ok|okay|sure|certainly|of course|absolutely|yes)[,!. ]{{1,3}}(?:{QUESTION}|{OFFER})"
    rf"|{QUESTION}|{OFFER})\W{{0,20}}",
    re.IGNORECASE,
)
#: One Latin letter, which hardly answers anything but a choice, or a question for a letter.
LETTER = re.compile(r"\W{0,20}+[A-Za-z]\W{0,20}")
LETTERS_WANTED = re.compile(
    r"(?i)\b(?:letters?|symbols?|options?|choices?|choose|grades?|vitamins?|notes?|keys?|blood"
    r" types?|variables?|initials?|pronouns?|numerals?|articles?|words?|vowels?|consonants?"
    r"|constants?|languages?|which of)\b|(?:^|\s)\(?[A-Da-d][).:]\s"
)
SEARCHED_QUERY_END = 4000


class RefusalSettings(VerifierSettings):
    """The refusal check."""

    kind_is_about: ClassVar[About] = "form"
    vetoes: ClassVar[bool] = True
    kind: Literal["refusal"] = "refusal"
    phrases: tuple[str, ...] = Field(
        (), max_length=100, description="Further phrases that refuse, as plain text."
    )

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score, with the number of the check's own rules."""
        return {**super().scoring_parameters(), "rules": EVASION_RULES}

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
        text = whole[:REFUSAL_CHARACTERS].casefold()
        own = next((phrase for phrase in self.phrases if phrase in text), None)
        return Verdict(1.0) if own is None else Verdict(0.0, reason=f"refuses: {own!r}")

    def _no_answer(self, pair: Pair, text: str) -> str | None:
        """Return why a text answers nothing; None if it may be an answer."""
        if len(text) <= LONGEST_EMPTY_WORDS and EMPTY_WORDS.fullmatch(text):
            return "it answers nothing"
        letter = LETTER.fullmatch(text)
        if (
            letter is not None
            and LETTERS_WANTED.search(pair.query.text[-SEARCHED_QUERY_END:]) is None
        ):
            return "a single letter, which the query does not ask for"
        return no_answer_reason(pair.query, text)
