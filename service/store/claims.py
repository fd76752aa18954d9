"""Claims of scores: the first process that keeps a verifier's score of a pair decides it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from assay.service.store.connection import StoreConnection
from assay.service.store.reply_checks import so_many
from assay.verifiers import Status
from assay.verifiers.contract.bounds import MAX_SCORE

#: Keep scores that no one has kept. KEYS: values. ARGV: the time and the time that values are kept,
#: in seconds, most size of a score, statuses "scored" and "does not apply", then for each value its
#: most records, and its records as `score_cache` packs them. Records of a verifier that the value
#: has already, sound and not expired, stay as they are. Returns the values as they are now.
CLAIM_SCORES = """
local size, now, keep_s, most_score = 32, tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local scored, inapplicable = tonumber(ARGV[4]), tonumber(ARGV[5])
local function holds(record)
  local score, expires, _, _, status = struct.unpack('<dI4fI4I4', record, 9)
  if expires <= now then return false end
  if status == inapplicable then return score ~= score end
  return status == scored and math.abs(score) <= most_score
end
local function records_of(value)
  local records = {}
  if #value % size == 0 then
    for at = 1, #value, size do records[#records + 1] = string.sub(value, at, at + size - 1) end
  end
  return records
end
local values = {}
for place, old in ipairs(redis.call('MGET', unpack(KEYS))) do
  local kept, first = {}, {}
  for _, record in ipairs(records_of(old or '')) do
    if holds(record) then
      kept[#kept + 1] = record
      first[string.sub(record, 1, 8)] = true
    end
  end
  for _, record in ipairs(records_of(ARGV[5 + 2 * place])) do
    if not first[string.sub(record, 1, 8)] then kept[#kept + 1] = record end
  end
  local from = math.max(1, #kept - tonumber(ARGV[4 + 2 * place]) + 1)
  values[place] = table.concat(kept, '', from)
  redis.call('SET', KEYS[place], values[place], 'EX', keep_s)
end
return values
"""


async def claim(
    store: StoreConnection, values: Mapping[str, bytes], most_records: int, ttl_s: int
) -> dict[str, bytes]:
    """Keep the scores that no one has kept, and return all values as they are now.

    One command, or one a query in a cluster. `most_records`: of a value; the newest stay. Raises
    `StoreError`.
    """
    by_slot: dict[str, list[str]] = {}
    for name in values:
        by_slot.setdefault(hash_tag(name) if store.clustered else "", []).append(name)

    async def claim_together(names: list[str]) -> list[bytes]:
        bounds = (MAX_SCORE, int(Status.OK), int(Status.NOT_APPLICABLE))
        records = [part for name in names for part in (most_records, values[name])]
        arguments = (int(time.time()), ttl_s, *bounds, *records)
        kept: list[bytes] = await store.call(
            lambda: store.redis.eval(CLAIM_SCORES, len(names), *names, *arguments),
            lambda reply: _texts(reply, len(names)),
        )
        return kept

    kept = await asyncio.gather(*(claim_together(names) for names in by_slot.values()))
    return {
        name: value
        for names, texts in zip(by_slot.values(), kept, strict=True)
        for name, value in zip(names, texts, strict=True)
    }


def hash_tag(name: str) -> str:
    """Return the part of a key in braces, by which a cluster finds its slot."""
    return name.partition("{")[2].partition("}")[0]


def _texts(reply: Any, count: int) -> list[bytes]:
    """Return a script's list of so many texts; raise `ValueError` for anything else."""
    texts = so_many(count)(reply)
    if not all(isinstance(text, bytes) for text in texts):
        raise ValueError("a script answered with another type than texts")
    return texts
