"""The script that writes labels and their past in one step, where nobody was faster."""

from __future__ import annotations

#: Replace labels that nobody changed meanwhile. KEYS: labels, taken, past labels. ARGV, five a
#: label: key, the value that was read, the new one (empty: none), lines for the past (empty: none),
#: how many labels changed. Returns 0, or the place of one that somebody changed: then nothing was
#: written. Sent twice, it writes once. The counts are written even if nothing changes, so that a
#: client that waits for the disk waits for earlier writes as well.
LABEL = """
local most = 65536
-- Over the bound, the oldest lines go of annotators who have more than an equal part: nobody's many
-- labels push out another's few. One pass forth to add up, one to leave out.
local function shortened(past)
  local sizes, annotators, lines, left = {}, 0, {}, #past + 1
  for line in string.gmatch(past, '[^\\n]+') do
    local who = string.match(line, '"who":(.-),"at":') or ''
    if not sizes[who] then annotators = annotators + 1 end
    sizes[who] = (sizes[who] or 0) + #line + 1
    lines[#lines + 1] = {who, line}
  end
  local kept = {}
  for _, pair in ipairs(lines) do
    local who, line = pair[1], pair[2]
    if left > most and sizes[who] * annotators > most then
      left, sizes[who] = left - #line - 1, sizes[who] - #line - 1
    else
      kept[#kept + 1] = line
    end
  end
  return table.concat(kept, '\\n')
end
for place = 1, #ARGV, 5 do
  local known = redis.call('HGET', KEYS[1], ARGV[place]) or ''
  if known ~= ARGV[place + 1] and known ~= ARGV[place + 2] then return place end
end
local there = redis.call('HLEN', KEYS[1])
local changed, withdrawn = 0, 0
for place = 1, #ARGV, 5 do
  local key, new, lines = ARGV[place], ARGV[place + 2], ARGV[place + 3]
  local past = redis.call('HGET', KEYS[3], key) or ''
  if lines ~= '' and not string.find(past, lines, 1, true) then
    if past ~= '' then past = past .. '\\n' end
    past = past .. lines
    if #past > most then past = shortened(past) end
    redis.call('HSET', KEYS[3], key, past)
  end
  if (redis.call('HGET', KEYS[1], key) or '') ~= new then
    changed = changed + tonumber(ARGV[place + 4])
    if new == '' then
      redis.call('HDEL', KEYS[1], key)
      withdrawn = withdrawn + 1
    else
      redis.call('HSET', KEYS[1], key, new)
    end
  end
end
if redis.call('HEXISTS', KEYS[2], 'labels') == 0 then redis.call('HSET', KEYS[2], 'labels', there) end
redis.call('HINCRBY', KEYS[2], 'labels', changed)
redis.call('HINCRBY', KEYS[2], 'withdrawn', withdrawn)
return 0
"""

#: The same for withdrawals in a full store, which refuses what needs memory only as the first write
#: of a script: this one takes away first, if only a count that is nowhere.
LABEL_WHEN_FULL = "redis.call('HDEL', KEYS[2], '')\n" + LABEL
