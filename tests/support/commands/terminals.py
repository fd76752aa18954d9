"""Characters that a terminal obeys."""

from __future__ import annotations

#: Clipboard, screen, title, colours, C1's short forms, direction overrides, hyperlinks; and Rich's
#: own markup.
HOSTILE = "\x1b]52;c;cm0gLXJmIH4K\x07\x1b[2J\x1b]0;X\x07\x9b31mred\u202eevil\u2066\x7f\x08\x08\r\x00\u200b\U000e0041[red]a[/] [/no] [link=http://e]b[/link] :bug:"


OBEYED = [
    chr(code)
    for code in (*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066, 0x200B, 0xE0041)
]


def harmless(shown: str) -> bool:
    """Return whether a text holds nothing that a terminal obeys, and shows the hidden part."""
    return not [each for each in OBEYED if each in shown] and "\\x1b" in shown
