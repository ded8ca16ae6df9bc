-- Gives a key of an older version its new name. If there is such a key already, both become one: of two copies of a message
-- the newer revision stays, and a tombstone in any case; sets and hashes are united, where the new name has priority, as it has
-- for all other kinds.
-- KEYS: the old name, the new name
local old, new = KEYS[1], KEYS[2]

local function revision(message)
  local found = cjson.decode(redis.call('JSON.GET', message, '$.revision', '$.deletedAt'))
  return found['$.deletedAt'][1] and math.huge or found['$.revision'][1] or 1
end

local kind = redis.call('TYPE', old).ok
if kind == 'none' then return end
if redis.call('RENAMENX', old, new) == 1 then return end
if kind == 'zset' then
  redis.call('ZUNIONSTORE', new, 2, old, new, 'AGGREGATE', 'MAX')
elseif kind == 'hash' then
  local fields = redis.call('HGETALL', old)
  for i = 1, #fields, 2 do redis.call('HSETNX', new, fields[i], fields[i + 1]) end
elseif kind == 'set' then
  redis.call('SUNIONSTORE', new, old, new)
elseif kind == 'ReJSON-RL' and revision(old) > revision(new) then
  redis.call('RENAME', old, new)
  return
end
redis.call('DEL', old)
