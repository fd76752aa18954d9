"""Templates of graders: their variables as the places of our prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: `{{ item.reference_answer }}`, `{{sample.output_text}}`.
VARIABLE = re.compile(r"\{\{ {0,8}([a-z_]+)\.([A-Za-z0-9_.\[\]]{1,200}) {0,8}\}\}")
#: Fields of an item that hold what was asked, or the right answer.
QUESTION_NAMES = frozenset(
    {"query", "question", "prompt", "input", "instruction", "problem", "messages"}
)
REFERENCE_NAMES = frozenset(
    {"reference", "reference_answer", "answer", "correct_answer", "expected", "expected_answer"}
    | {"expected_output", "ideal", "target", "label", "gold", "ground_truth", "solution"}
)
PROMPT_PLACES = ("query", "reference", "candidate")
FENCED = {name: f"<{name}>\n{{{name}}}\n</{name}>" for name in PROMPT_PLACES}


@dataclass(slots=True)
class GraderTemplate:
    """A template's text, with our places for its variables, and the variables without a place."""

    columns: Mapping[str, str] = field(default_factory=dict)
    unplaced: list[str] = field(default_factory=list)

    def place(self, namespace: str, path: str) -> str | None:
        """Return the place of a variable; None where a request has nothing like it."""
        if namespace == "sample":
            return "candidate"
        if namespace != "item":
            return None
        for name, column in self.columns.items():
            if path == column:
                return name
        if path in QUESTION_NAMES:
            return "query"
        return "reference" if path in REFERENCE_NAMES else None

    def only(self, text: str) -> str | None:
        """Return the place that a text consists of; None for another text."""
        match = VARIABLE.fullmatch(text.strip())
        return None if match is None else self.place(match[1], match[2])

    def filled(self, text: str) -> str:
        """Return a text with our places; a variable without a place stays, by its name."""

        def placed(match: re.Match[str]) -> str:
            name = self.place(match[1], match[2])
            if name is not None:
                return f"{{{name}}}"
            variable = f"{match[1]}.{match[2]}"
            self.unplaced.append(variable)
            return f"({variable})"

        for name in (*PROMPT_PLACES, "worst", "best"):  # texts of the grader's own are no places
            text = text.replace(f"{{{name}}}", f"({name})").replace(f"{{({name})}}", f"({name})")
        return VARIABLE.sub(placed, text)


def ordered(text: str, places: Sequence[str]) -> str:
    """Return a prompt with each place once and in order: places that are not so go to its end."""
    counts = [text.count(f"{{{name}}}") for name in places]
    starts = [text.find(f"{{{name}}}") for name in places]
    if set(counts) == {1} and starts == sorted(starts):
        return text
    for name in PROMPT_PLACES:
        text = text.replace(f"{{{name}}}", f"(the {name} below)")
    return "\n\n".join([text.rstrip(), *(FENCED[name] for name in places)])
