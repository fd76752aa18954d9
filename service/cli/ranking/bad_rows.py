"""How many rows of a job may be bad before its exit code is 1."""

from __future__ import annotations

from dataclasses import dataclass

from assay.service.domain.errors import StartupError

ALLOW_BAD_FORM = "--allow-bad takes a number of rows, such as 20, or a share of them, such as 1%"


@dataclass(frozen=True, slots=True)
class AllowedBad:
    """The most bad rows of a job: a number, or a share of all."""

    rows: int = 0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> AllowedBad:
        """Return what an option states; raise `StartupError` for another text."""
        if text is None:
            return cls()
        number = text.strip()
        if number.isascii() and number.isdecimal():
            return cls(rows=int(number[:18]))
        try:
            percent = float(number.removesuffix("%"))
        except ValueError:
            percent = -1.0
        if not number.endswith("%") or not 0 <= percent <= 100:
            raise StartupError(f"{ALLOW_BAD_FORM} (got {text[:40]!r})")
        return cls(share=percent / 100)

    def hold(self, bad: int, rows: int) -> bool:
        """Return whether so many bad rows of all are no failure."""
        return bad <= self.rows or bad <= self.share * rows
