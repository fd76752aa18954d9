"""GRPO with TRL, rewarded by a running Assay: a few steps with any model or a tiny one.

assay serve &
python client/examples/grpo.py --model Qwen/Qwen3-0.6B --task math
python client/examples/grpo.py --model tiny --steps 3          # no download, seconds on a CPU
"""

from __future__ import annotations

import argparse
import json
import tempfile
from typing import Any

from assay_client import Client
from assay_client.trl import reward_function
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import GRPOConfig, GRPOTrainer

TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content +"
    " '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n'"
    " }}{%- endif %}"
)


def tiny() -> tuple[Any, Any]:
    """Return a model of random weights and a tokenizer of bytes."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        [], trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
        padding_side="left",
    )
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config), tokenizer


def main() -> None:
    """Train, and print the mean reward of each step as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a model's name or folder, or tiny")
    parser.add_argument("--url", help="the service; default: ASSAY_URL, else http://127.0.0.1:8080")
    parser.add_argument("--task", default="default")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    questions = [
        f"What is {first} + {second}?" for first in range(2, 10) for second in range(2, 10)
    ]
    data = Dataset.from_list(
        [{"prompt": [{"role": "user", "content": question}]} for question in questions]
    )
    model, tokenizer = tiny() if args.model == "tiny" else (args.model, None)
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            max_steps=args.steps,
            num_generations=4,
            per_device_train_batch_size=8,
            max_completion_length=32,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=args.model == "tiny",
            bf16=False,
            disable_tqdm=True,
        )
        # What no verifier can judge is no answer to these questions: it earns nothing.
        reward = reward_function(args.task, Client(args.url), missing=0.0)
        trainer = GRPOTrainer(
            model, reward_funcs=reward, args=config, train_dataset=data, processing_class=tokenizer
        )
        trainer.train()
    steps = [item["reward"] for item in trainer.state.log_history if "reward" in item]
    print(json.dumps({"rewards": steps}))  # noqa: T201 - the example's output


if __name__ == "__main__":
    main()
