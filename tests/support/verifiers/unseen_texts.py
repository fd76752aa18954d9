"""Texts without a visible character."""

from __future__ import annotations

#: Ignorable, blank, control, private and unassigned characters, and marks on nothing.
UNSEEN_TEXTS = [
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u3164",
    "\u2800",
    "\U000e0001",
    "\u00ad",
    "\u202e",
    "\u00a0",
    "\u034f",
    "\u115f",
    "\uffa0",
    "\u180e",
    "\ufff9",
    "\u0301",
    "\U0001d159",
    "\x00",
    "\x7f",
    "\ue000",
    "\ufffe",
    "\u200d\ufe0f",
    " \u200b\n\u2060\t",
]
