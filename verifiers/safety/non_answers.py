"""Texts without an answer, which may still talk a judge into a Yes.

A colon, "Thought process:" or "Let's solve this problem step by step." alone make judges say Yes up
to 80-90 % of the time (Zhao et al., "One Token to Fool LLM-as-a-Judge", arXiv 2507.08794). They are
no answers, which needs no model to see.
"""

from __future__ import annotations

import re
import unicodedata

from assay.verifiers.safety.invisible import BLANKS, bare, trimmed, without_unseen

OPENERS = re.compile(
    r"(?:(?:thought|thinking|reasoning) process|reasoning|thoughts?|solution|solve|(?:final"
    r" )?answer|analysis|explanation|step 1"
    r"|(?:let['’]?s|let me|i will|i['’]ll) (?:now )?(?:solve|think|work|go|break)[^.:\n]{0,60}"
    r"|sure|certainly|of course|here is (?:the|my) (?:answer|solution)"
    r"|解|解答|解析|答案|かいせつ|解説|答え|respuesta|solución|lösung|antwort|réponse|решение|ответ)",
    re.IGNORECASE,
)
VERDICT_WORD = (
    r"(?:yes|no|true|false|correct|incorrect|right|wrong|pass(?:ed)?|fail(?:ed)?|accept(?:ed)?|[A-T]"
    r"|[0-9]{1,3}(?:\s{0,2}/\s{0,2}[0-9]{1,3})?)"
)
VERDICT = re.compile(
    r"(?:the )?(?:final |overall |my"
    r" )?(?:verdict|judge?ment|grade|rating|score|assessment|evaluation|correctness|decision)"
    rf"\s{{0,4}}(?:[:=]|is)\s{{0,4}}{VERDICT_WORD}"
    r"|(?:the |this )?(?:candidate |model )?(?:answer|response|solution|candidate)(?: above)?"
    r" is (?:entirely |completely )?(?:correct|right|true|accepted)",
    re.IGNORECASE,
)
#: One of these is in every verdict; looking for them takes a hundredth of the time.
VERDICT_WORDS = (
    "verdict",
    "judg",
    "grade",
    "rating",
    "score",
    "assessment",
    "evaluation",
    "correct",
    "decision",
    "right",
    "true",
    "accepted",
)
TAGGED = re.compile(
    rf"<(?P<what>verdict|judge?ment|grade|rating|score)>\s{{0,4}}(?P<word>{VERDICT_WORD})\s{{0,4}}</(?P=what)>",
    re.IGNORECASE,
)
#: Lines end where a judge sees them end; Unicode knows further ends of lines, between a verdict's
#: words too.
LINE = re.compile(r"[^\r\n]*+(?:\r\n|[\r\n])|[^\r\n]++")
TAGS = re.compile(r"<[^<>]{1,40}>")
LONGEST_BARE_LINE = 400  # characters; a longer text is no bare opener and no bare verdict
CONTENT_CHARACTERS = 10_000  # an answer says something within so many
RUN_OF_BLANKS = re.compile(f"[{BLANKS}\\n\\r]{{9,}}")


def without_verdicts(text: str) -> str:
    """Return the text without lines that are nothing but a verdict in a judge's own form.

    A bare Yes may be an answer.
    """
    visible = bare(text).lower()
    if not any(word in visible for word in VERDICT_WORDS) or VERDICT.search(visible) is None:
        return text
    return "".join(
        line
        for line in LINE.findall(text)
        if len(line) > LONGEST_BARE_LINE or not VERDICT.fullmatch(trimmed(bare(line)))
    )


def non_answer_reason(text: str) -> str | None:
    """Return why a candidate is no answer at all; None if it may be one."""
    visible = RUN_OF_BLANKS.sub("\n", without_unseen(text)).strip()
    if not any(
        unicodedata.category(character)[0] in "LNS" for character in visible[:CONTENT_CHARACTERS]
    ):
        return "empty" if not visible else "nothing but punctuation"
    if len(visible) > LONGEST_BARE_LINE:
        return None
    visible = bare(visible)
    visible = TAGGED.sub(r"\g<what>: \g<word>", visible)
    lines = [trimmed(line) for line in TAGS.sub("\n", visible).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        return "nothing but tags"
    if all(OPENERS.fullmatch(line) for line in lines):
        return "the opening of an answer, and no answer"
    if all(VERDICT.fullmatch(line) for line in lines):
        return "a verdict in the judge's own form, and no answer"
    return None
