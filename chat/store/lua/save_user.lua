-- Saves a person in Redis, with exactly one entry in the list of names, unless Redis has a newer revision of them.
-- KEYS, ARGV: named below
-- Returns 1 if it was saved, else 0.
local user, names, last_seen = KEYS[1], KEYS[2], KEYS[3]
local id, revision, json = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local name, name_suffix = ARGV[4], ARGV[5] -- together, a member of the list of names
local seen = ARGV[6] -- when they were last seen, or ''

local found = redis.call('JSON.GET', user, '$.revision', '$.nameKey')
if found then
  local now = cjson.decode(found)
  local known_revision, known_name = now['$.revision'][1], now['$.nameKey'][1]
  if known_revision and known_revision > revision then return 0 end
  if known_name then redis.call('ZREM', names, known_name .. name_suffix) end
end
redis.call('JSON.SET', user, '$', json)
redis.call('ZADD', names, 0, name .. name_suffix)
if seen > (redis.call('HGET', last_seen, id) or '') then redis.call('HSET', last_seen, id, seen) end
return 1
