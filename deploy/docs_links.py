"""A hook of mkdocs: links from a page to a file outside docs/ become the file's name.

On GitHub such links work. The built site holds docs/ alone, so a link would lead nowhere; the hook
checks that the file exists and keeps its name as text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?:\.\./)+[^)#\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the page with links that leave docs/ turned into text.

    Raises where the file is missing.
    """
    docs = Path(config["docs_dir"]).resolve()
    folder = Path(page.file.abs_src_path).resolve().parent

    def text_of(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri}: {link[2]} does not exist")
        name = f"`{target.relative_to(docs.parent)}`"
        return name if link[1].strip("`") in name else f"{link[1]} ({name})"

    return LINK.sub(text_of, markdown)
