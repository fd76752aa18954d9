"""A reward model in Transformers."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from assay.service.domain.errors import StartupError
from assay.service.sidecar.model import Model, ModelChoice


def test_without_its_extra_it_says_what_to_install() -> None:
    """One sentence."""
    with pytest.raises(StartupError, match="extra `hf`"):
        Model(ModelChoice("nobody/nothing"))


class Rows:
    """A matrix of numbers, as far as an adapter's model needs one."""

    def __init__(self, rows: list[list[int]], device: str) -> None:
        self.rows, self.device = rows, device


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for torch and transformers."""
    torch = ModuleType("torch")
    torch.cuda = SimpleNamespace(is_available=lambda: False)  # type: ignore[attr-defined]
    torch.inference_mode = nullcontext  # type: ignore[attr-defined]
    torch.tensor = Rows  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "transformers", ModuleType("transformers"))


ADAPTER = """
class Scorer:
    def __init__(self, name, device, dtype):
        self.asked, self.loaded = [], (name, device, dtype)
        self.tokenizer = lambda text, add_special_tokens: {"input_ids": [0] * add_special_tokens + list(map(ord, text))}

    def score(self, input_ids, attention_mask):
        self.asked.append((input_ids.rows, attention_mask.rows))
        return [sum(row) for row in attention_mask.rows]

scorers = []

def load(name, device, dtype):
    scorers.append(Scorer(name, device, dtype))
    return scorers[-1]
"""


@pytest.mark.usefixtures("libraries")
def test_an_adapter_scores_padded_prompts(tmp_path: Path) -> None:
    """The padding is a token that no prompt has, and its places are masked."""
    path = tmp_path / "adapter.py"
    path.write_text(ADAPTER.replace("return [sum", "print(input_ids.rows); return [sum"))
    model = Model(ModelChoice("m", adapter=path))

    assert model.ids("a", special=True) == [0, 97]
    assert model.score([[0, 1], [0, 1, 3], [7]]) == [2.0, 3.0, 1.0]


@pytest.mark.usefixtures("libraries")
def test_padding_is_a_token_that_no_prompt_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the score would be read one token too early."""
    path = tmp_path / "adapter.py"
    path.write_text(ADAPTER.replace("return [sum", "print(input_ids.rows); return [sum"))

    Model(ModelChoice("m", adapter=path)).score([[0, 1], [0, 1, 3], [7]])

    assert capsys.readouterr().out == "[[0, 1, 2], [0, 1, 3], [7, 2, 2]]\n"


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("content", [None, "x = 1"])
def test_an_adapter_that_is_none_names_its_file(tmp_path: Path, content: str | None) -> None:
    """No file, or no function in it."""
    path = tmp_path / "adapter.py"
    if content is not None:
        path.write_text(content)

    with pytest.raises(StartupError, match=r"adapter\.py: .*load\(name, device, dtype\)"):
        Model(ModelChoice("m", adapter=path))


@pytest.mark.usefixtures("libraries")
def test_a_score_goes_through_the_sigmoid(tmp_path: Path) -> None:
    """However far it lies, without an overflow."""
    path = tmp_path / "adapter.py"
    path.write_text(ADAPTER)
    model = Model(ModelChoice("m", adapter=path))

    assert [model.activated(score) for score in (0.0, 1000.0, -1000.0)] == [0.5, 1.0, 0.0]
    assert model.activated(2.0) == pytest.approx(0.8808, abs=1e-4)
