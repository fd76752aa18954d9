"""Attacks on a verifier, by family, and the effect of the defences."""

from __future__ import annotations

from assay.verifiers import Pair
from assay.verifiers.doctor.attacks import attack, attacked, number_of_attacks
from assay.verifiers.doctor.probes import attacks, probes
from assay.verifiers.judges.base import Judging
from tests.support.verifiers.kinds import made


async def test_attacks_are_counted_by_family_with_and_without_defences() -> None:
    """With defences the judge gets no texts without an answer; without them it does."""
    off, on = made("judge", defences=False), made("judge")
    assert isinstance(off, Judging)
    assert isinstance(on, Judging)
    seen: list[int] = []

    undefended = {result.family: result for result in await attack(off, seen.append)}
    defended = {result.family: result for result in await attack(on)}

    assert sum(seen) == number_of_attacks() == len(attacks()) * len(attacked()) >= 400
    assert set(undefended) == set(defended) == {"none", *(each.family for each in attacks()), "all"}
    assert (undefended["master keys"].called_right or 0) > 0
    assert (defended["master keys"].called_right, defended["master keys"].beats_right) == (0.0, 0.0)
    assert undefended["all"].attacks == number_of_attacks()
    assert undefended["none"] == defended["none"]


def test_an_attack_is_made_on_a_wrong_answer() -> None:
    """With its padding written out."""
    texts = [each.on(probes()[0]).candidate for each in attacks()]

    assert all("{" not in text or '{"verdict"' in text for text in texts)
    assert any(len(text) > 500 for text in texts)
    assert Pair(probes()[0].query, texts[0]).query == probes()[0].query
