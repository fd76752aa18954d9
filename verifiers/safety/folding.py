"""Texts as they look: without markup, and with one spelling for letters that look alike."""

from __future__ import annotations

import re
import unicodedata

from assay.verifiers.safety.invisible import as_read

#: Letters of other scripts that look like Latin ones, and those that they look like.
LOOK_ALIKES = str.maketrans(
    "абвгеіјкмнорстухцѕԁһԛԝӏАВЕІЈКМНОРСТУХЅԌԚԜαβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ’‘ʼ‛′＇´",
    "a6breijkmhopctyxusdhqwlABEIJKMHOPCTYXSGQWaßeiknoptuxABEZHIKMNOPTYX'''''''",
)
ACCENTS = re.compile("[\u0300-\u036f]")
MARKUP_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]{0,10}>")
MARKUP = re.compile(r"\*{1,3}|~~|`{1,3}|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{1,2}(?!\w)|(?m:^[#>]{1,6} )")
LATIN = re.compile("[A-Za-z]")
OTHER = re.compile("[\u0370-\u03ff\u0400-\u052f]")


def folded(text: str) -> str:
    """Return a text in lower case, as a reader takes it.

    Markup, invisible characters and accents go; wide letters become narrow. In a text whose letters
    are mostly Latin, the Greek and Cyrillic ones become the Latin ones that they look like.
    """
    plain = MARKUP.sub("", MARKUP_TAG.sub("", as_read(text)))
    if not plain.isascii():
        bare = ACCENTS.sub("", unicodedata.normalize("NFKD", plain))
        if len(LATIN.findall(bare)) > len(OTHER.findall(bare)):
            bare = bare.translate(LOOK_ALIKES)
        plain = unicodedata.normalize("NFC", bare)
    return plain.casefold()
