"""LiteLLM's settings, for a call or a proxy's configuration, to reach Assay; needs no LiteLLM.

litellm.rerank(query=..., documents=..., **rerank_settings("math"))
litellm.completion(messages=..., **chat_settings("my-best"))
"""

from __future__ import annotations

import os
from typing import Any

from .exchange import HERE
from .settings import task_name


def rerank_settings(
    task: str | None = None, url: str | None = None, api_key: str | None = None
) -> dict[str, Any]:
    """Return the arguments of `litellm.rerank`, by its `hosted_vllm` provider."""
    return _settings(f"hosted_vllm/assay/{task_name(task)}", url, api_key, "")


def chat_settings(
    model: str = "assay", url: str | None = None, api_key: str | None = None
) -> dict[str, Any]:
    """Return the arguments of `litellm.completion`: the best of n, by its `openai` provider."""
    return _settings(f"openai/{model}", url, api_key, "/v1")


def proxy_models(
    task: str | None = None, model: str | None = None, url: str | None = None
) -> list[dict[str, Any]]:
    """Return a proxy's `model_list`: `assay-rerank`, and `assay-best-of-n` for a gateway."""
    key = "os.environ/ASSAY_API_KEY"
    ranks = {
        "model_name": "assay-rerank",
        "litellm_params": rerank_settings(task, url, key),
        "model_info": {"mode": "rerank"},
    }
    best = (
        []
        if model is None
        else [{"model_name": "assay-best-of-n", "litellm_params": chat_settings(model, url, key)}]
    )
    return [ranks, *best]


def _settings(model: str, url: str | None, api_key: str | None, path: str) -> dict[str, Any]:
    base = (url or os.environ.get("ASSAY_URL") or HERE).rstrip("/")
    return {
        "model": model,
        "api_base": base + path,
        "api_key": api_key or os.environ.get("ASSAY_API_KEY") or "none",
    }
