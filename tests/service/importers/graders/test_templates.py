"""Templates of graders."""

from __future__ import annotations

import pytest

from assay.service.importers.graders.templates import GraderTemplate, ordered


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{item.question}} {{ sample.output_text }}", "{query} {candidate}"),
        ("{{ item.ideal }}", "{reference}"),
        ("{{sample.output_json.answer}}", "{candidate}"),
        ("{query} and {candidate}", "(query) and (candidate)"),
        ("{{item.rubric}}", "(item.rubric)"),
        ("{{ nothing }} {{other.x}}", "{{ nothing }} (other.x)"),
        ('{"a": 1} ünï', '{"a": 1} ünï'),
    ],
)
def test_variables_become_places(text: str, filled: str) -> None:
    """Places of the text's own are none; variables without a place stay by their name."""
    assert GraderTemplate().filled(text) == filled


def test_what_has_no_place_is_listed() -> None:
    """And a mapped column has the place that the map names."""
    template = GraderTemplate({"reference": "rubric"})

    assert template.filled("{{item.rubric}} {{item.tone}}") == "{reference} (item.tone)"
    assert template.unplaced == ["item.tone"]


def test_a_text_that_is_one_variable() -> None:
    """Blanks around it do not count."""
    template = GraderTemplate()

    assert template.only(" {{sample.output_text}}\n") == "candidate"
    assert template.only("It is {{sample.output_text}}") is None


@pytest.mark.parametrize(
    "text", ["{candidate} {query}", "{query}", "{query} {candidate} {candidate}", "none"]
)
def test_places_out_of_order_go_to_the_end(text: str) -> None:
    """Each once, fenced by its tags."""
    prompt = ordered(text, ("query", "candidate"))

    assert [prompt.count(f"{{{name}}}") for name in ("query", "candidate")] == [1, 1]
    assert prompt.endswith("<query>\n{query}\n</query>\n\n<candidate>\n{candidate}\n</candidate>")


def test_places_in_order_stay() -> None:
    """Where the author put them."""
    assert ordered("Q {query} A {candidate}.", ("query", "candidate")) == "Q {query} A {candidate}."
