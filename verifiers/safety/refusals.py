"""Clauses by their grammar: those that refuse, and those that only say what is not known.

All patterns read folded text: lower case, no markup, plain apostrophes.
"""

from __future__ import annotations

import re

_ADVERBS = (
    r"(?: (?:really|simply|just|honestly|truly|unfortunately|sadly|also|still|currently|personally"
    r"|respectfully|regrettably|frankly|actually|quite|very|so|deeply|either|always)){0,2}"
)
_I_AM = r"(?:i'?m|i am|we'?re|we are|i was|i wasn't|we were)"
#: "I cannot", "we won't": what follows is what the writer does not do.
CANNOT = re.compile(
    rf"\b(?:i|we){_ADVERBS} (?:can't|cant|cannot|can not|couldn't|could not|won't|will not"
    rf"|wouldn't|would not|am not going to|are not going to){_ADVERBS}"
    r" (?:be )?(?P<verb>[a-z]{2,20})"
)
#: What one does to answer; "I cannot see" may be the answer itself.
_ANSWERING = re.compile(
    r"help|assist|answer|provid|compl|fulfil|do$|discuss|creat|generat|writ|giv|shar|engag|support"
    r"|prove|solv|comput|calculat|translat|explain|summari|list|choos|repl|respond|access|brows"
    r"|recommend|offer|verif|determin|tell|say|nam|stat|recall|remember|identif|find$|think|com"
    r"|confirm|disclos|reveal|speak|describ|defin|guess|suggest|produc|perform|process|proceed"
    r"|continu|search|talk|advis|address|pick|figur|decid|teach|quot|cit|specif|mention|suppl"
    r"|accept|look$"
)
#: After an answer: "I cannot say more", "I cannot recommend it enough", "I can't say that".
_OF_DEGREE = re.compile(r"\b(?:more|else|further|enough|say that|overstate|stress|emphasi[sz]e)\b")
_UNSURE = re.compile(r"\b(?:sure|certain|certainty|exactly|precisely|definitively)\b")
_NOT_ABLE = (
    r"(?:unable|incapable|prohibited|forbidden|not (?:able|capable|allowed|permitted|programmed"
    r"|designed|equipped|authori[sz]ed|trained|in a position|at liberty|comfortable|supposed)"
    r"|not going to)"
)
_RULES = r"(?:guidelines?|polic(?:y|ies)|programming|instructions?|rules?|principles|terms)"
REFUSES = re.compile(
    rf"\b(?:{_I_AM}|feel){_ADVERBS} {_NOT_ABLE}\b|\bi wasn't trained"
    rf"|\b(?:i|we) (?:do not|don't){_ADVERBS} (?:feel comfortable|have (?:access|the ability|the"
    r" means|permission)|discuss|provide|offer|answer|wish to|want to (?:answer|say|discuss)"
    r"|speak)\b"
    r"|\b(?:isn't|is not|not) (?:available|accessible|known) to (?:me|us)\b"
    r"|\b(?:i|we)(?:'ve| have) (?:not|never) been (?:trained|programmed|taught|given|told)\b"
    r"|\b(?:i|we) haven't been (?:trained|programmed|taught|given|told)\b"
    r"|\b(?:isn't|is not|not) (?:my|our) (?:area|field|strength|strong suit|special(?:i)?ty|domain"
    r"|forte|department)\b"
    r"|\b(?:i|we)(?:'d| would| must| have to| need to| shall| will have to| am going to|'ll| will"
    rf"|'ve to)?{_ADVERBS} (?:decline|refuse|abstain|pass on|pass\b|(?:remain|stay|keep) silent)"
    r"|\b(?:i|we)(?:'d| would)?(?: much| really)? (?:rather|prefer) not\b"
    r"|\b(?:something|anything|topic|subject|question|matter|request)(?: that| which)? (?:i|we)"
    r"(?: am|'m|'re| are)? (?:do not|don't|can|can't|cannot|could|won't|will not|not|able|unable"
    r"|wish not)\b"
    r"|\b(?:beyond|outside|above|exceeds?|out of|not within|not part of)(?: of)?(?: the (?:scope"
    r"|limits|range) of)? (?:my|our|me|us|what (?:i|we))\b"
    r"|\b(?:cannot|can't|not|never) be [a-z]{3,12} by (?:me|us)\b"
    rf"|\b(?:my|our) (?:[a-z]{{2,12}} ){{0,2}}{_RULES} [a-z']{{2,12}}\b"
    rf"|\b(?:violat[a-z]{{1,4}}|against|breach(?:es)?|contrary to) (?:[a-z]{{2,12}} ){{0,2}}"
    rf"{_RULES}|\b(?:i|we)(?:'ve| have| was| were) (?:been )?(?:instructed|told|asked"
    r"|programmed|trained) not\b"
    r"|\b(?:impossible|not possible|no way|difficult|hard|inappropriate|not appropriate|unethical"
    r"|appropriate|not right) for (?:me|us) to\b"
    r"|\b(?:this|that|your) (?:request|question) (?:violates|is (?:against|inappropriate)|goes"
    r" against|can't|cannot)\b|\bno comment\b"
    rf"|\b{_I_AM}{_ADVERBS} sorry(?! (?:to (?:hear|learn)|for (?:your|the|any)|about your|that"
    rf" you|you))|\b{_I_AM}{_ADVERBS} afraid (?:that )?(?:i|we|this|that|not)\b"
    r"|\b(?:lo siento|no puedo (?:ayudar|proporcionar|responder)|je suis desole|je ne peux pas"
    r"|je ne suis pas en mesure|es tut mir leid|ich kann (?:dir|ihnen|dabei|das|dazu) (?:leider )?"
    r"nicht|non posso (?:aiutar|risponder|fornir)|nao posso (?:ajudar|responder|fornecer)"
    r"|не могу (?:помочь|ответить))"
    r"|对不起|抱歉|我无法|我不能|申し訳(?:ありません|ございません)|お答えできません|죄송합니다"
)
_NOTHING = (
    r"(?:idea|clue|information|knowledge|data|answer|access|memory|way of|means|opinions?|feelings?"
    r"|details|record|recollection|inkling|(?:faintest|slightest|foggiest)(?: (?:idea|clue"
    r"|notion))?|ability)"
)
_ANY = r"(?:a|an|any|the|that|this|enough|sufficient|much|personal|real)"
IGNORANT = re.compile(
    rf"\b(?:i|we){_ADVERBS} (?:do not|don't|did not|didn't|never){_ADVERBS} (?:know|understand"
    rf"|remember|recall|get|have (?:{_ANY} ){{0,2}}{_NOTHING})\b(?! (?:that|how|why)\b)"
    rf"|\b(?:have|i've|we've|with|got) (?:absolutely )?(?:no|not) (?:{_ANY} ){{0,2}}{_NOTHING}\b"
    rf"|^\W{{0,5}}(?:absolutely )?(?:no|not) (?:{_ANY} ){{0,2}}{_NOTHING}\b"
    rf"|\b(?:haven't|have not|hasn't|without) (?:got )?(?:{_ANY} ){{1,2}}{_NOTHING}\b"
    rf"|\b(?:i|we){_ADVERBS} (?:lack|forgot|forget|wonder)\b|\bi(?:'ve| have) forgotten\b"
    r"|\b(?:unknown|not known|unfamiliar|a mystery) to (?:me|us)\b|\bbeats me\b|\bwho knows\b"
    r"|\bsearch me\b|\byour guess is as good\b|\b(?:nobody|no one) (?:has )?(?:ever )?told me\b"
    r"|\bdrawing a blank\b|\bstumped\b|\bat a loss\b|\bdunno\b|\bidk\b"
    rf"|(?:\b{_I_AM}{_ADVERBS}|^\W{{0,5}}(?:honestly )?) ?(?:not (?:really |quite |entirely )?"
    r"(?:sure|certain|familiar|aware)|unsure|uncertain|unaware)\b"
    r"|\bnot (?:very )?good (?:at|with)\b"
    r"|\b(?:as|being|i'm|i am)(?: just| only| merely)?(?: an?)? (?:[a-z]{1,12} ){0,2}"
    r"(?:ai|artificial intelligence|language model|chatbot)\b"
    r"|\bje ne (?:sais|connais) pas\b|^\W{0,5}no (?:lo )?se\W{0,5}$|\bdesconozco\b"
    r"|\bweiss ich (?:leider |es )?nicht\b|\bich weiss (?:es |das )?(?:leider )?nicht\b"
    r"|\bkeine ahnung\b|^\W{0,5}non (?:lo )?so\W{0,5}$|\bnao sei\b|\bя не знаю\b|^\W{0,5}не знаю"
    r"|\bik weet (?:het )?niet\b|\bjag vet inte\b|\bnie wiem\b|\bbilmiyorum\b"
    r"|我?不知道|わかりません|分かりません|知りません|모르겠습니다|모릅니다"
)
#: A refusal that speaks of the request or of the writer as a machine, whatever the query wants.
OF_ITSELF = re.compile(
    r"\b(?:help|assist)(?: you)? with\b|\b(?:translat(?:e|ing) (?:that|this|it)|that (?:phrase"
    r"|request)|your request|this request|that request|answer(?:ing)? (?:that|this|it|your"
    r"|questions?)|(?:advice|information|help|guidance) on (?:this|that|it)"
    r"|(?:as|being|am|i'm)(?: just| only)? an? (?:[a-z]{1,12} ){0,2}(?:ai"
    r"|artificial|language model))\b|\bno puedo ayudar\b|\bdas geht nicht\b"
)
QUOTED = re.compile(
    r"[\"“„«][^\"“”„«»]{1,300}[\"“”»]|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w)){1,200}'(?!\w)"
)
MARKS = re.compile('["“”„«»]')


def refusal_in(sentence: str) -> str | None:
    """Return the words by which a sentence refuses; None if it does not.

    "I cannot ..." refuses where it goes on with a verb of answering, and says no mere "more".
    """
    if _OF_DEGREE.search(sentence):
        return None
    if (match := REFUSES.search(sentence)) is not None:
        return match.group()
    for match in CANNOT.finditer(sentence):
        if _ANSWERING.match(match["verb"]) and not _UNSURE.search(sentence):
            return match.group()
    return None


def ignorance_in(clause: str) -> str | None:
    """Return the words by which a clause's writer does not know, or is a machine; None without."""
    if (match := IGNORANT.search(clause)) is not None:
        return match.group()
    cannot = CANNOT.search(clause)
    return cannot.group() if cannot is not None and _UNSURE.search(clause) is not None else None


def outside_quotes(text: str) -> str:
    """Return a text without what it quotes; a text that is one quotation loses its marks only."""
    rest = QUOTED.sub(" ", text)
    return rest if re.search(r"\w", rest) else MARKS.sub(" ", text)
