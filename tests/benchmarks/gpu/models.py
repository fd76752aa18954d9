"""Configurations and tokenizers of real architectures, for vLLM's `--load-format dummy`: no weights
are written or downloaded.

    python -m tests.benchmarks.gpu.models FOLDER full|tiny        (in vLLM's environment)

judge: Qwen3-8B; reward: an 8B Qwen3 with one label, as Skywork-Reward-V2; prm: Qwen2.5-Math-PRM-7B.
Shapes are those of their config.json. tiny: the same architectures at toy sizes, for a CPU.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.vllm.build_models import chat_tokenizer

SHAPES: dict[str, dict[str, Any]] = {
    "judge": {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
    "reward": {
        "architectures": ["Qwen3ForSequenceClassification"],
        "model_type": "qwen3",
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "num_labels": 1,
        "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0},
    },
    "prm": {
        "architectures": ["Qwen2ForProcessRewardModel"],
        "model_type": "qwen2",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "num_labels": 2,
    },
}
SMALLER = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
}
VOCABULARY = 151_936


def write(folder: Path, size: str) -> None:
    """Write a folder a model."""
    for name, shape in SHAPES.items():
        tokenizer = chat_tokenizer()
        config = {
            **shape, "vocab_size": VOCABULARY, "max_position_embeddings": 32_768, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
            "hidden_act": "silu", "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True,
            "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
        }  # fmt: skip
        if size == "tiny":
            config |= {
                key: value for key, value in SMALLER.items() if key in shape or key != "head_dim"
            }
            config |= {"vocab_size": len(tokenizer), "torch_dtype": "float32"}
        out = folder / name
        out.mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text(json.dumps(config, indent=1))
        tokenizer.model_max_length = 32_768
        tokenizer.save_pretrained(out)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
