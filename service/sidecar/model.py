"""A reward model in Transformers, with any head: token ids in, one number out."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from assay.service.domain.errors import StartupError

Output = Literal["score", "logits", "first_token_logit"]
ScoreHead = Literal["linear", "mlp"]
MISSING = "the sidecar needs torch and transformers: install the extra `hf`"


class AdaptedModel(Protocol):
    """The result of an adapter's `load(name, device, dtype)`: a tokenizer and a batch's scorer."""

    tokenizer: Any

    def score(self, input_ids: Any, attention_mask: Any) -> Sequence[float]:
        """Return one score a row; both tensors have the shape (texts, tokens)."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model, and how its score is read."""

    name: str
    output: Output = "logits"
    head: ScoreHead = "linear"
    adapter: Path | None = None
    trust_remote_code: bool = False
    device: str = "auto"
    dtype: str = "auto"
    max_tokens: int = 4096


class Model:
    """One model, ready."""

    def __init__(self, choice: ModelChoice) -> None:
        try:
            import torch
            import transformers
        except ImportError:
            raise StartupError(MISSING) from None
        self.name, self.max_tokens = choice.name, choice.max_tokens
        self._torch = torch
        self._device = (
            ("cuda" if torch.cuda.is_available() else "cpu")
            if choice.device == "auto"
            else choice.device
        )
        dtype = {"auto": "bfloat16" if self._device != "cpu" else "float32"}.get(
            choice.dtype, choice.dtype
        )
        self._model: Any = None
        if choice.adapter is not None:
            scorer = _adapter(choice.adapter)(choice.name, self._device, dtype)
            self._tokenizer = scorer.tokenizer
            self._read: Callable[[Any, Any], Any] = scorer.score
        else:
            options = {"trust_remote_code": choice.trust_remote_code}
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(choice.name, **options)
            self._model = (
                _load(transformers, torch, choice, getattr(torch, dtype)).to(self._device).eval()
            )
            self._read = {
                "score": self._score,
                "logits": self._logits,
                "first_token_logit": self._first_token,
            }[choice.output]

    def ids(self, text: str, special: bool) -> list[int]:
        """Return a text's token ids."""
        return list(self._tokenizer(text, add_special_tokens=special)["input_ids"])

    def ids_of_chat(self, messages: list[dict[str, str]], generation: bool) -> list[int]:
        """Return the token ids of a conversation in the model's template."""
        text = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=generation
        )
        return self.ids(text, special=False)

    def text(self, ids: list[int]) -> str:
        """Return the text of token ids, special tokens included."""
        return str(
            self._tokenizer.decode(
                ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def score(self, prompts: Sequence[Sequence[int]]) -> list[float]:
        """Return one raw score a prompt.

        Transformers takes the last token that is not padding, so padding must be a token that no
        prompt has: if it is the end-of-turn token, as in many configurations, the score is read one
        token too early.
        """
        longest = max(map(len, prompts))
        used = set().union(*prompts)
        pad = next(token for token in range(len(used) + 1) if token not in used)
        if self._model is not None:
            self._model.config.pad_token_id = pad
        right = [[*ids, *[pad] * (longest - len(ids))] for ids in prompts]
        mask = [[1] * len(ids) + [0] * (longest - len(ids)) for ids in prompts]
        with self._torch.inference_mode():
            input_ids = self._torch.tensor(right, device=self._device)
            return [
                float(value)
                for value in self._read(input_ids, self._torch.tensor(mask, device=self._device))
            ]

    def activated(self, score: float) -> float:
        """Return a score through the sigmoid that vLLM would put it through."""
        return 1 / (1 + math.exp(-score)) if score > -700 else 0.0

    def _score(self, input_ids: Any, mask: Any) -> Any:
        """Read `outputs.score`: ArmoRM, QRM."""
        return self._model(input_ids=input_ids, attention_mask=mask).score.reshape(
            len(input_ids), -1
        )[:, 0]

    def _logits(self, input_ids: Any, mask: Any) -> Any:
        """Read the first logit: URM, INF-ORM."""
        return self._model(input_ids=input_ids, attention_mask=mask).logits.reshape(
            len(input_ids), -1
        )[:, 0]

    def _first_token(self, input_ids: Any, mask: Any) -> Any:
        """Read the logit of token 0 as the next one: Nemotron-70B-Reward."""
        logits = self._model(input_ids=input_ids, attention_mask=mask).logits
        last = mask.sum(1) - 1
        return logits[self._torch.arange(len(input_ids), device=logits.device), last, 0]


def _load(transformers: Any, torch: Any, choice: ModelChoice, dtype: Any) -> Any:
    options = {"trust_remote_code": choice.trust_remote_code, "dtype": dtype}
    if choice.output == "first_token_logit":
        return transformers.AutoModelForCausalLM.from_pretrained(choice.name, **options)
    if choice.head == "linear":
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            choice.name, **options
        )
    return _with_mlp_head(transformers, torch, choice, dtype)


def _with_mlp_head(transformers: Any, torch: Any, choice: ModelChoice, dtype: Any) -> Any:
    """Return a sequence classifier with the head Linear, ReLU, Linear(1), as INF-ORM has it."""
    config = transformers.AutoConfig.from_pretrained(
        choice.name, trust_remote_code=choice.trust_remote_code
    )
    config.num_labels = 1
    plain = type(transformers.AutoModelForSequenceClassification.from_config(_tiny(config)))

    class WithHead(plain):  # type: ignore[misc, valid-type]  # the class follows from the model's files
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            size = config.hidden_size
            self.score = torch.nn.Sequential(
                torch.nn.Linear(size, size), torch.nn.ReLU(), torch.nn.Linear(size, 1)
            )

    return WithHead.from_pretrained(choice.name, config=config, dtype=dtype)


def _tiny(config: Any) -> Any:
    """Return a copy of a configuration with one small layer, to learn the model's class."""
    copy = type(config).from_dict(config.to_dict())
    copy.num_hidden_layers, copy.vocab_size = 1, 8
    copy.pad_token_id = None
    return copy


def _adapter(path: Path) -> Callable[[str, str, str], AdaptedModel]:
    spec = importlib.util.spec_from_file_location("assay_adapter", path)
    if spec is None or spec.loader is None or not path.exists():
        raise StartupError(f"{path}: no Python file; an adapter defines load(name, device, dtype)")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    load = getattr(module, "load", None)
    if load is None:
        raise StartupError(f"{path}: defines no load(name, device, dtype)")
    return load  # type: ignore[no-any-return]  # the file is somebody else's
