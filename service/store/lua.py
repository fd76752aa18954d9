"""Scripts, by name, for changes that the store must make in one step.

Their keys share the task's hash tag.
"""

from __future__ import annotations

#: How many bytes an entry's fields have, and how the oldest goes. The size is kept beside the
#: stream, and summed up once if it is unknown: in a store of an earlier release, or one that a
#: person mended.
_SIZES = """
local function length(fields)
  local sum = 0
  for place = 1, #fields do sum = sum + #fields[place] end
  return sum
end
local function size_of(stream, known, each)
  local size = tonumber(redis.call('GET', known) or '')
  if size and size >= 0 then return size end
  local from, sum = '-', 0
  while true do
    local page = redis.call('XRANGE', stream, from, '+', 'COUNT', 100)
    for _, entry in ipairs(page) do sum = sum + each + length(entry[2]) end
    if #page < 100 then return sum end
    from = '(' .. page[#page][1]
  end
end
local function drop_oldest(stream, seen, each)
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  local size = each + length(first[2])
  for place = 1, #first[2], 2 do
    if first[2][place] == 'n' then redis.call('HDEL', seen, first[2][place + 1]) end
  end
  redis.call('XDEL', stream, first[1])
  return size
end
"""

#: Keep a request once. KEYS: stream, seen, taken, bytes. ARGV: most kept, most bytes, bytes of this
#: one, what an entry takes beside its values, name, missing scores, then the entry's fields and
#: values. Returns 1 where it was added, 2 where it took the place of one with more scores missing,
#: 0 where it was known, or is too large. `taken` counts what ever came: the stream is cut, and says
#: no more how much is new once it is full.
KEEP_REQUEST = f"""{_SIZES}
local most, most_bytes, bytes, each = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local name, missing = ARGV[5], tonumber(ARGV[6])
if bytes > most_bytes then return 0 end
local known, poorer = redis.call('HGET', KEYS[2], name), nil
local added = 1
if known then
  local id, lacked = string.match(known, '^(%d+-%d+) (%d+)$')
  if id and tonumber(lacked) <= missing then return 0 end
  poorer, added = id, 2
end
local size = size_of(KEYS[1], KEYS[4], each)
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 7)) -- a full store refuses here, before anything was taken away
if poorer then
  local old = redis.call('XRANGE', KEYS[1], poorer, poorer)[1]
  if old then size = size - each - length(old[2]) end
  redis.call('XDEL', KEYS[1], poorer)
end
redis.call('HSET', KEYS[2], name, id .. ' ' .. missing)
local kept = redis.call('XLEN', KEYS[1])
if added == 1 then
  local ever = redis.call('HINCRBY', KEYS[3], 'requests', 1)
  if ever < kept then redis.call('HSET', KEYS[3], 'requests', kept) end -- it was filled before anybody counted
end
size = size + bytes
while kept > most or (size > most_bytes and kept > 1) do
  size = size - drop_oldest(KEYS[1], KEYS[2], each)
  kept = kept - 1
end
redis.call('SET', KEYS[4], math.max(0, size))
return added
"""

#: Read some of the stream. KEYS: stream. ARGV: XRANGE or XREVRANGE, from, to, how many, and the
#: letters of the fields that it returns (empty: all).
PAGE = """
local page = redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
if ARGV[5] == '' then return page end
for _, entry in ipairs(page) do
  local parts = {}
  for place = 1, #entry[2], 2 do
    if string.find(ARGV[5], entry[2][place], 1, true) then
      parts[#parts + 1] = entry[2][place]
      parts[#parts + 1] = entry[2][place + 1]
    end
  end
  entry[2] = parts
end
return page
"""

#: Let go of the oldest requests. KEYS: stream, seen, bytes. ARGV: share of them, what an entry
#: takes beside its values, bytes below which none goes. Nothing of it needs memory, so that a full
#: store takes it; the size is summed up anew afterwards.
MAKE_ROOM = f"""{_SIZES}
if size_of(KEYS[1], KEYS[3], tonumber(ARGV[2])) <= tonumber(ARGV[3]) then return 0 end
local going = math.ceil(redis.call('XLEN', KEYS[1]) * tonumber(ARGV[1]))
for _ = 1, going do drop_oldest(KEYS[1], KEYS[2], tonumber(ARGV[2])) end
redis.call('DEL', KEYS[3])
return going
"""

#: Move damaged values of a hash to another. KEYS: hash, aside. ARGV: what it is, then names and
#: values: what changed since is left.
PUT_ASIDE = """
local moved = 0
for place = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[place]) == ARGV[place + 1] then
    redis.call('HSET', KEYS[2], ARGV[1] .. ' ' .. ARGV[place], ARGV[place + 1])
    redis.call('HDEL', KEYS[1], ARGV[place])
    moved = moved + 1
  end
end
return moved
"""

#: Move damaged entries of a stream to another, which keeps the last thousand. KEYS: stream, aside.
#: ARGV: their places.
PUT_ENTRIES_ASIDE = """
local moved = 0
for _, id in ipairs(ARGV) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then
    redis.call('XADD', KEYS[2], 'MAXLEN', 1000, '*', unpack(entry[2]))
    redis.call('XDEL', KEYS[1], id)
    moved = moved + 1
  end
end
return moved
"""

#: Take a lease. KEYS: lease. ARGV: token, milliseconds. A key without expiry is no lease: whoever
#: wrote it meant something else.
LEASE = """
if redis.call('TYPE', KEYS[1]).ok ~= 'none' and redis.call('PTTL', KEYS[1]) == -1 then redis.call('DEL', KEYS[1]) end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""

#: What was served before, newest last; `before` names the last of them. A replica of an older
#: release writes that alone.
_HISTORY = """
local function catch_up(state, history)
  local before = redis.call('HGET', state, 'before')
  if before and before ~= redis.call('LINDEX', history, -1) then redis.call('RPUSH', history, before) end
end
local function serve(state, history, version)
  local serving = redis.call('HGET', state, 'serving')
  if serving == version then return end
  catch_up(state, history)
  if serving then
    redis.call('RPUSH', history, serving)
    redis.call('LTRIM', history, -100, -1)
    redis.call('HSET', state, 'before', serving)
  end
  redis.call('HSET', state, 'serving', version)
end
"""

#: Publish a fitted version while the lease is still held, and let go of it. KEYS: lease, state,
#: models, taken, history, labelled, runs, times of their last use. ARGV: token, model, report, serve
#: (1 or 0), requests and labels that it was fitted on, how many of them had ever come, how many
#: versions are kept beside the served one, the one before and those of runs, and the time since
#: which a run was used that still counts, and the labels that the version learned. Returns the
#: version's number, or 0 where the lease was lost.
PUBLISH = f"""{_HISTORY}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'requests', ARGV[5], 'labels', ARGV[6])
redis.call('HSET', KEYS[4], 'fitted_requests', ARGV[7], 'fitted_labels', ARGV[8])
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  return 0
end
local newest = tonumber(redis.call('HGET', KEYS[2], 'newest') or '')
if not newest then -- it was damaged, and put aside: no version may be written over
  newest = 0
  for _, name in ipairs(redis.call('HKEYS', KEYS[3])) do newest = math.max(newest, tonumber(name) or 0) end
end
local version = newest + 1
redis.call('HSET', KEYS[2], 'newest', version)
redis.call('HSET', KEYS[3], version, ARGV[2], 'report:' .. version, ARGV[3], 'learned:' .. version, ARGV[11])
if ARGV[4] == '1' and redis.call('HGET', KEYS[2], 'pinned') ~= '1' then serve(KEYS[2], KEYS[5], tostring(version)) end
local serving, before = redis.call('HGET', KEYS[2], 'serving'), redis.call('HGET', KEYS[2], 'before')
local pinned = {{}}
local runs = redis.call('HGETALL', KEYS[7])
for place = 1, #runs, 2 do
  local whole, run = pcall(cjson.decode, runs[place + 1])
  local used = tonumber(redis.call('ZSCORE', KEYS[8], runs[place]) or '')
  if whole and type(run) == 'table' and used and used >= tonumber(ARGV[10]) then pinned[tostring(run.version)] = true end
end
for _, name in ipairs(redis.call('HKEYS', KEYS[3])) do
  local number = tonumber(name)
  if number and number <= version - tonumber(ARGV[9]) and name ~= serving and name ~= before and not pinned[name] then
    redis.call('HDEL', KEYS[3], name, 'report:' .. name, 'learned:' .. name)
  end
end
redis.call('DEL', KEYS[1])
return version
"""

#: How a run goes, with all that is kept of it. KEYS begin: runs, times of last use, sums, alarms.
_END_RUN = """
local function end_run(name)
  redis.call('ZREM', KEYS[2], name)
  for _, hash in ipairs({KEYS[1], KEYS[3], KEYS[4]}) do redis.call('HDEL', hash, name) end
end
"""

#: Whose places a run takes: NAME~KEY is a key's, ~KEY@PRINT one of its unnamed ones.
_RUN_GROUP = """
local function group_of(name)
  local at = string.find(name, '~', 1, true)
  if not at then return '' end
  if at == 1 then return '@' .. (string.match(name, '^(.*)@') or name) end
  return string.sub(name, at)
end
"""

#: Note that a run is used, or keep a new one. KEYS: as above, and models. ARGV: name, now, seconds
#: that an unused run is kept, most runs of a key, seconds after which one makes room for another,
#: version, and the run (empty: look only). Returns the kept run, 0 where there is none, -1 where its
#: version does not exist, -2 where no place is free.
PIN_RUN = f"""{_END_RUN}{_RUN_GROUP}
local name, now = ARGV[1], tonumber(ARGV[2])
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, 100)) do
  end_run(old)
end
local known = redis.call('HGET', KEYS[1], name)
if known then
  redis.call('ZADD', KEYS[2], now, name)
  return known
end
if ARGV[7] == '' then return 0 end
if ARGV[6] ~= '0' and redis.call('HEXISTS', KEYS[5], ARGV[6]) == 0 then return -1 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then
  local mine, taken, oldest, used = group_of(name), 0, nil, nil
  local all = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
  for place = 1, #all, 2 do
    if group_of(all[place]) == mine then
      taken = taken + 1
      if not oldest then oldest, used = all[place], tonumber(all[place + 1]) end
    end
  end
  if taken >= tonumber(ARGV[4]) then
    if used > now - tonumber(ARGV[5]) then return -2 end
    end_run(oldest)
  end
end
redis.call('HSET', KEYS[1], name, ARGV[7])
redis.call('ZADD', KEYS[2], now, name)
return ARGV[7]
"""

#: Let go of a run. KEYS: as above. ARGV: name. Returns whether it was there.
END_RUN = f"""{_END_RUN}
local there = redis.call('HEXISTS', KEYS[1], ARGV[1])
end_run(ARGV[1])
return there
"""

#: Keep a run's sums and its alarm. KEYS: as above. ARGV: name, the sums as they were read, the new
#: ones, alarm. Returns 1, 0 where another process was faster, -1 where there is no such run.
KEEP_SUMS = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return -1 end
if (redis.call('HGET', KEYS[3], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[4], ARGV[1], ARGV[4])
return 1
"""

#: Put back a version without serving it. KEYS: state, models. ARGV: version, model, report.
KEEP_VERSION = """
local newest = math.max(tonumber(redis.call('HGET', KEYS[1], 'newest') or '') or 0, tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'newest', newest)
redis.call('HSETNX', KEYS[2], 'report:' .. ARGV[1], ARGV[3])
return redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
"""

#: Serve another version. KEYS: state, models, history. ARGV: version, pinned (1, 0, empty: as it
#: is). Returns 0 for none.
PROMOTE = f"""{_HISTORY}
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
serve(KEYS[1], KEYS[3], ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'pinned', ARGV[2]) end
return 1
"""

#: Serve the version before and pin it, and forget the one that is left: the next call goes further
#: back. KEYS: state, models, history. Returns the version, or 0 if there is none.
ROLLBACK = f"""{_HISTORY}
catch_up(KEYS[1], KEYS[3])
local serving = redis.call('HGET', KEYS[1], 'serving')
if serving then redis.call('HSET', KEYS[1], 'serving', serving) end -- a full store refuses here, before anything was taken
local version = redis.call('RPOP', KEYS[3])
while version and (version == serving or redis.call('HEXISTS', KEYS[2], version) == 0) do version = redis.call('RPOP', KEYS[3]) end
local before = redis.call('LINDEX', KEYS[3], -1)
if before then redis.call('HSET', KEYS[1], 'before', before) else redis.call('HDEL', KEYS[1], 'before') end
if not version then return 0 end
redis.call('HSET', KEYS[1], 'serving', version, 'pinned', 1)
return tonumber(version)
"""

#: Put back a served version that an emptied store lost. KEYS: state, models. ARGV: version, model,
#: report. Returns 0 where it was not lost.
RESTORE = """
if redis.call('HEXISTS', KEYS[1], 'serving') == 1 then return 0 end
local newest = math.max(tonumber(redis.call('HGET', KEYS[1], 'newest') or '') or 0, tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'serving', ARGV[1], 'newest', newest)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2], 'report:' .. ARGV[1], ARGV[3])
return 1
"""

#: Hold a lease that is still ours for longer. KEYS: lease. ARGV: token, milliseconds.
RENEW = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
    " end return 0"
)

#: Let go of a lease that is still ours. KEYS: lease. ARGV: token.
RELEASE = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)

#: economy; version, then names and numbers to add. What was known of an older version goes, and
#: news of one is not taken.
NOTE = """
local known = tonumber(redis.call('HGET', KEYS[1], 'version') or '') or -1
local version = tonumber(ARGV[1])
if version < known then return 0 end
if version > known then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'version', version)
end
for place = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[place], ARGV[place + 1]) end
return 1
"""
