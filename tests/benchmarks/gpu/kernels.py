"""Check vLLM's compiled kernels on a Hopper GPU against PyTorch.

It takes the few kernels that a dense bf16 model runs: 15 seconds show the broken ones.

    python -m tests.benchmarks.gpu.kernels [--no-ceilings]        (in vLLM's environment)

Writes a row: relative errors (bf16 operands: between 1e-3 and 1e-2 is right), and two
ceilings of the card.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

from tests.benchmarks.gpu.rows import record

DEVICE = "cuda"
WRONG = 2e-2


def main() -> None:
    """Check all; exit 1 when one is wrong."""
    begun = time.monotonic()
    import vllm._custom_ops as ops
    from vllm.vllm_flash_attn import flash_attn_varlen_func, is_fa_version_supported

    torch.manual_seed(1)
    found: dict[str, Any] = {
        "fa3": is_fa_version_supported(3),
        "import_s": round(time.monotonic() - begun, 1),
    }
    wrong = []

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=DEVICE, dtype=torch.bfloat16)

    def check(name: str, got: torch.Tensor, wanted: torch.Tensor) -> None:
        error = float((got.float() - wanted.float()).norm() / wanted.float().norm())
        found[name] = round(error, 6)
        if not error < WRONG:  # NaN is wrong too
            wrong.append(name)

    def normed(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return (
            x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6) * weight.float()
        )

    tokens, size, heads, kv_heads, head = 777, 4096, 32, 8, 128
    x, residual, weight = random(tokens, size), random(tokens, size), random(size)
    out = torch.full_like(x, float("nan"))
    ops.rms_norm(out, x, weight, 1e-6)
    check("rms_norm", out, normed(x, weight))
    a, b = x.clone(), residual.clone()
    ops.fused_add_rms_norm(a, b, weight, 1e-6)
    check("fused_add_rms_norm", a, normed(x.float() + residual.float(), weight))
    check("fused_add_rms_norm, residual", b, x.float() + residual.float())
    wide = random(tokens, 2 * 12288)
    act = torch.full((tokens, 12288), float("nan"), device=DEVICE, dtype=torch.bfloat16)
    torch.ops._C.silu_and_mul(act, wide)
    check(
        "silu_and_mul",
        act,
        torch.nn.functional.silu(wide[:, :12288].float()) * wide[:, 12288:].float(),
    )

    angles = torch.outer(
        torch.arange(4096, device=DEVICE).float(),
        1e6 ** (-torch.arange(0, head, 2, device=DEVICE).float() / head),
    )
    table = torch.cat([angles.cos(), angles.sin()], -1).to(torch.bfloat16)
    places = torch.randint(0, 4096, (tokens,), device=DEVICE)
    q, k = random(tokens, heads * head), random(tokens, kv_heads * head)
    turned = q.clone(), k.clone()
    ops.rotary_embedding(places, turned[0], turned[1], head, table, True)
    for name, got, given in (("rotary, query", turned[0], q), ("rotary, key", turned[1], k)):
        cos, sin = table[places].float().chunk(2, -1)
        left, right = given.view(tokens, -1, head).float().chunk(2, -1)
        wanted = torch.cat(
            [
                left * cos[:, None] - right * sin[:, None],
                right * cos[:, None] + left * sin[:, None],
            ],
            -1,
        )
        check(name, got.view(tokens, -1, head), wanted)

    # Three sequences, the second of which has 100 tokens in the cache already; pages of 16, in no
    # order.
    lengths, before, page = [500, 200, 77], [0, 100, 0], 16
    pages = torch.randperm(80, device=DEVICE)[
        : sum(-(-(n + b) // page) for n, b in zip(lengths, before, strict=True))
    ].int()
    blocks = torch.zeros(3, 40, dtype=torch.int32, device=DEVICE)
    cache = torch.zeros(2, 80, page, kv_heads, head, device=DEVICE, dtype=torch.bfloat16)
    keys, values, slots, at = [], [], [], 0
    for row, (new, old) in enumerate(zip(lengths, before, strict=True)):
        count = -(-(new + old) // page)
        blocks[row, :count] = pages[at : at + count]
        at += count
        keys.append(random(new + old, kv_heads, head))
        values.append(random(new + old, kv_heads, head))
        index = torch.arange(new + old, device=DEVICE)
        slots.append(blocks[row].long()[index // page] * page + index % page)
    one = torch.ones(1, device=DEVICE)
    ops.reshape_and_cache_flash(
        torch.cat(keys), torch.cat(values), cache[0], cache[1], torch.cat(slots), "auto", one, one
    )
    check(
        "reshape_and_cache_flash",
        cache[0].view(-1, kv_heads, head)[torch.cat(slots)],
        torch.cat(keys),
    )
    query = random(sum(lengths), heads, head)
    starts = torch.tensor(
        [0, *torch.tensor(lengths).cumsum(0).tolist()], dtype=torch.int32, device=DEVICE
    )
    used = torch.tensor(
        [n + b for n, b in zip(lengths, before, strict=True)], dtype=torch.int32, device=DEVICE
    )
    got = torch.full_like(query, float("nan"))
    flash_attn_varlen_func(
        q=query,
        k=cache[0],
        v=cache[1],
        out=got,
        cu_seqlens_q=starts,
        max_seqlen_q=max(lengths),
        seqused_k=used,
        max_seqlen_k=int(used.max()),
        softmax_scale=head**-0.5,
        causal=True,
        block_table=blocks,
        fa_version=3,
    )
    for row, new in enumerate(lengths):
        part = query[starts[row] : starts[row + 1]].float().transpose(0, 1)
        full_k, full_v = (
            each[row].float().transpose(0, 1).repeat_interleave(heads // kv_heads, 0)
            for each in (keys, values)
        )
        size_k = full_k.shape[1]
        seen = (
            torch.arange(size_k, device=DEVICE)[None]
            <= torch.arange(size_k - new, size_k, device=DEVICE)[:, None]
        )
        wanted = torch.nn.functional.scaled_dot_product_attention(
            part, full_k, full_v, attn_mask=seen
        )
        check(
            f"flash_attention_3, sequence {row}",
            got[starts[row] : starts[row + 1]].transpose(0, 1),
            wanted,
        )
    torch.cuda.synchronize()
    if "--no-ceilings" not in sys.argv:
        found |= ceilings()
    found["wrong"] = wrong
    record("kernels", found)
    sys.exit(bool(wrong))


def ceilings() -> dict[str, float]:
    """Return the card's best figures: a large bf16 matrix product, and a copy."""

    def median(what: Any, times: int) -> float:
        seconds = []
        for _ in range(times + 3):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            what()
            end.record()
            torch.cuda.synchronize()
            seconds.append(begin.elapsed_time(end) / 1000)
        return sorted(seconds[3:])[times // 2]

    size = 8192
    a, b = (torch.randn(size, size, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    big = torch.randn(2**30, device=DEVICE)
    other = torch.empty_like(big)
    return {
        "matmul_tflops": round(2 * size**3 / median(lambda: a @ b, 20) / 1e12, 1),
        "copy_tb_s": round(2 * big.numel() * 4 / median(lambda: other.copy_(big), 10) / 1e12, 2),
    }


if __name__ == "__main__":
    main()
