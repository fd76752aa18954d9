"""A terminal for foreign text, which can neither command the terminal nor act as markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rich.console
import rich.progress
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from assay.verifiers import printable


class ProgressText(rich.progress.TextColumn):
    """Text beside a bar of progress, such as a verifier's name: brackets stay as they are."""

    def __init__(self, text_format: str) -> None:
        super().__init__(text_format, markup=False)


class Console(rich.console.Console):
    """Rich's console for foreign text: escapes spelled out, brackets and colons literal.

    Styled text needs an explicit style, or is a `Text`.
    """

    def __init__(self, *, highlight: bool = True, **more: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": highlight, **more})

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as it is laid out, spelled out before its width is taken."""
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the written segments; text that came by another layout is spelled out here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
