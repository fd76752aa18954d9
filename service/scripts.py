"""What must happen in the store as one step: scripts, by name; their keys share the task's hash tag."""

from __future__ import annotations

#: Keep a request once. KEYS: stream, seen. ARGV: most kept, name, missing scores, then the entry's fields and values.
#: Returns 1 where it was added, 2 where it took the place of one with more scores missing, 0 where it was known.
RECORD = """
local most, name, missing = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local known = redis.call('HGET', KEYS[2], name)
local added = 1
if known then
  local id, lacked = string.match(known, '^(.*) (%d+)$')
  if tonumber(lacked) <= missing then return 0 end
  redis.call('XDEL', KEYS[1], id)
  added = 2
end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 4))
redis.call('HSET', KEYS[2], name, id .. ' ' .. missing)
local over = redis.call('XLEN', KEYS[1]) - most
while over > 0 do
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  for place = 1, #first[2], 2 do
    if first[2][place] == 'n' then redis.call('HDEL', KEYS[2], first[2][place + 1]) end
  end
  redis.call('XDEL', KEYS[1], first[1])
  over = over - 1
end
return added
"""

#: Publish a fitted version while the lease is still held, and let go of it. KEYS: lease, state, models. ARGV: token, model, report,
#: serve (1 or 0), requests and labels that it was fitted on. Returns the version's number, or 0 where the lease was lost.
PUBLISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'requests', ARGV[5], 'labels', ARGV[6])
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  return 0
end
local version = redis.call('HINCRBY', KEYS[2], 'newest', 1)
redis.call('HSET', KEYS[3], version, ARGV[2], 'report:' .. version, ARGV[3])
if ARGV[4] == '1' and redis.call('HGET', KEYS[2], 'pinned') ~= '1' then
  local before = redis.call('HGET', KEYS[2], 'serving')
  if before then redis.call('HSET', KEYS[2], 'before', before) end
  redis.call('HSET', KEYS[2], 'serving', version)
end
redis.call('DEL', KEYS[1])
return version
"""

#: Serve another version. KEYS: state, models. ARGV: version, pinned (1, 0 or empty: as it is). Returns 0 for an unknown version.
PROMOTE = """
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
local before = redis.call('HGET', KEYS[1], 'serving')
if before and before ~= ARGV[1] then redis.call('HSET', KEYS[1], 'before', before) end
redis.call('HSET', KEYS[1], 'serving', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'pinned', ARGV[2]) end
return 1
"""

#: Put back a served version that an emptied store lost. KEYS: state, models. ARGV: version, model, report.
#: Returns 0 where it was not lost.
RESTORE = """
if redis.call('HEXISTS', KEYS[1], 'serving') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'serving', ARGV[1], 'newest', ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2], 'report:' .. ARGV[1], ARGV[3])
return 1
"""

#: Hold a lease that is still ours for longer. KEYS: lease. ARGV: token, milliseconds.
RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"

#: Let go of a lease that is still ours. KEYS: lease. ARGV: token.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

#: economy; version, then names and numbers to add. What was known of an older version goes, and news of one is not taken.
NOTE = """
local known = tonumber(redis.call('HGET', KEYS[1], 'version') or -1)
local version = tonumber(ARGV[1])
if version < known then return 0 end
if version > known then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'version', version)
end
for place = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[place], ARGV[place + 1]) end
return 1
"""
