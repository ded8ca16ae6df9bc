-- Note whether people have a socket on a web process, and tell everybody connected whose state that changes.
-- A process without a lease is not listened to: it reports all its people when it gets one. So whoever is noted for a
-- process goes when its lease has run out.
-- KEYS: leases, people online, last seen, last seen for the archive, people of the process, then for each person:
--       processes they are on, their user
-- ARGV: process, 1 when this takes offline the people of a process whose lease has run out, now (ms), now (RFC 3339),
--       channel of the frames, then for each person: id, 1 when they have a socket there, else 0
-- Returns those with a socket who are not known as users.
local leases, online, seen, outbox, process = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, sweeps, now = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local expires = redis.call('ZSCORE', leases, name)
if not expires or (sweeps and tonumber(expires) > now) then return {} end
local function tell(id, state)
  local last = redis.call('HGET', seen, id)
  local json = string.format('{"_id":"%s","online":%s,"lastSeen":%s}', id, state, last and '"' .. last .. '"' or 'null')
  redis.call('PUBLISH', ARGV[5], ' 0\n' .. json)
end
local unknown, k = {}, 6
for i = 6, #ARGV, 2 do
  local id, on, user = ARGV[i], KEYS[k], KEYS[k + 1]
  local known = redis.call('EXISTS', user) == 1
  if ARGV[i + 1] == '0' then
    redis.call('SREM', process, id)
    redis.call('SREM', on, name)
    if redis.call('SCARD', on) == 0 and redis.call('SREM', online, id) == 1 and known then
      redis.call('HSET', seen, id, ARGV[4])
      redis.call('HSET', outbox, id, ARGV[4])
      tell(id, 'false')
    end
  elseif known then
    redis.call('SADD', process, id)
    redis.call('SADD', on, name)
    if redis.call('SADD', online, id) == 1 then tell(id, 'true') end
  else
    unknown[#unknown + 1] = id
  end
  k = k + 2
end
if sweeps and redis.call('SCARD', process) == 0 then redis.call('ZREM', leases, name) end
return unknown
