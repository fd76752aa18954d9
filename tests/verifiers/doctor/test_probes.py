"""The questions that the doctor asks."""

from __future__ import annotations

from assay.verifiers.doctor.probes import attacks, probes


def test_there_are_sixty_probes_and_forty_attacks_and_more() -> None:
    """Fifteen of each domain; right and wrong answers of like length; references and tests where
    they belong.
    """
    domains = [probe.domain for probe in probes()]
    lengths = [
        (len(probe.good), len(probe.bad)) for probe in probes() if probe.domain != "instruction"
    ]

    assert {domain: domains.count(domain) for domain in domains} == dict.fromkeys(
        ("maths", "code", "factual", "instruction"), 15
    )
    assert 0.8 < sum(good for good, _ in lengths) / sum(bad for _, bad in lengths) < 1.25
    assert all(probe.query.reference for probe in probes() if probe.domain in ("maths", "factual"))
    assert len(attacks()) >= 40
    assert len({each.family for each in attacks()}) >= 7
