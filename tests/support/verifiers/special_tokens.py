"""Special tokens of served models, and a server whose tokenizer has them."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.support.verifiers.fakes import FakeTransport

#: Special tokens of the families that the catalog serves, as their tokenizers list them.
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|vision_start|>", "<|fim_prefix|>", "<|repo_name|>",
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>",
    "<|reserved_special_token_0|>", "<s>", "</s>", "<unk>", "<pad>", "<mask>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>",
    "<unused7>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[IMG]", "<｜begin▁of▁sentence｜>",
    "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "<|user|>", "<|assistant|>",
    "<|system|>", "<|end|>", "<|channel|>", "<extra_0>", "<extra_id_0>", "[UNUSED_TOKEN_146]", "<eoa>", "<tool_call>", "</tool_call>",
    "<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<jupyter_start>", "<issue_start>", "<empty_output>", ">>QUESTION<<",
    "<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>", "<think>", "</think>", "[gMASK]", "[sMASK]", "[|endofturn|]", "[|Human|]",
    "[control_8]", "[start_header_id]", "[SYSTEM_PROMPT]", "[/THINK]", "]~b]", "]~!b[", "[e~[", "]<]minimax[>[", "[unused1]", "[BOS]",
    "|||IP_ADDRESS|||", "<mask:1>", "<seed:think>", "<SPECIAL_10>", "<_bot>", "[bot]", "[|system|]",
]  # fmt: skip


@cache
def tokenizer() -> Any:
    """Return a byte-level tokenizer that has every special token above."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = {
        piece: place for place, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))
    }
    built = Tokenizer(models.BPE(alphabet, []))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    )
    return built


def ids_of(text: str) -> list[int]:
    """Return token ids as a served model would see them."""
    return list(tokenizer().encode(text, add_special_tokens=False).ids)


def tokenizing_server() -> FakeTransport:
    """Return a server with that tokenizer, and nothing else."""
    return FakeTransport({"/tokenize": lambda asked: (200, {"tokens": ids_of(asked["prompt"])})})
