-- Note whether people have a socket on a web process, and tell everybody connected whose state that changes.
-- KEYS: leases, people online, last seen, last seen for the archive, people of the process, then for each person:
--       processes they are on, their user
-- ARGV: process, 1 when it matters only if its lease has run out, now (ms), now (RFC 3339), channel of the frames,
--       then for each person: id, 1 when they have a socket there, else 0
-- Returns how many people were looked at: none when the lease holds after all.
local leases, online, seen, outbox, process = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if ARGV[2] == '1' then
  local expires = redis.call('ZSCORE', leases, ARGV[1])
  if expires and tonumber(expires) > tonumber(ARGV[3]) then return 0 end
end
local function tell(id, state)
  local last = redis.call('HGET', seen, id)
  local json = string.format('{"_id":"%s","online":%s,"lastSeen":%s}', id, state, last and '"' .. last .. '"' or 'null')
  redis.call('PUBLISH', ARGV[5], ' 0\n' .. json)
end
local k = 6
for i = 6, #ARGV, 2 do
  local id, on, user = ARGV[i], KEYS[k], KEYS[k + 1]
  if ARGV[i + 1] == '1' then
    redis.call('SADD', process, id)
    redis.call('SADD', on, ARGV[1])
    if redis.call('EXISTS', user) == 1 and redis.call('SADD', online, id) == 1 then tell(id, 'true') end
  else
    redis.call('SREM', process, id)
    redis.call('SREM', on, ARGV[1])
    if redis.call('SCARD', on) == 0 and redis.call('SREM', online, id) == 1 and redis.call('EXISTS', user) == 1 then
      redis.call('HSET', seen, id, ARGV[4])
      redis.call('HSET', outbox, id, ARGV[4])
      tell(id, 'false')
    end
  end
  k = k + 2
end
return (#ARGV - 5) / 2
