-- Put a person into Redis, unless it knows a newer version of them, with their one place in the list of names.
-- KEYS: user, names, last seen
-- ARGV: id, revision, JSON, member of the list of names without the id, when last seen or ''
-- Returns 1 when it was put there.
local found = redis.call('JSON.GET', KEYS[1], '$.revision', '$.nameKey')
if found then
  local now = cjson.decode(found)
  local revision, name = now['$.revision'][1], now['$.nameKey'][1]
  if revision and revision > tonumber(ARGV[2]) then return 0 end
  if name then redis.call('ZREM', KEYS[2], name .. '\0' .. ARGV[1]) end
end
redis.call('JSON.SET', KEYS[1], '$', ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[4] .. '\0' .. ARGV[1])
if ARGV[5] ~= '' then redis.call('HSETNX', KEYS[3], ARGV[1], ARGV[5]) end
return 1
