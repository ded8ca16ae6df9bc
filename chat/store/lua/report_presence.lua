-- Notes whether people have a socket on a web process, and tells everybody connected whose state that changes.
-- A process without a lease is not listened to: it reports all its people when it gets one. So whoever is noted for a
-- process goes when its lease has run out.
-- KEYS: see below; behind them, for each person: processes they are on, their user
-- ARGV: see below; behind them, for each person: id, 1 when they have a socket there, else 0, and what stands before and
--       behind the JSON of when they were last seen in the envelope that tells so
-- Returns those with a socket who are not known as users.
local leases, online, last_seen, last_seen_outbox, people = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local process = ARGV[1]
local sweeps = ARGV[2] == '1' -- takes offline the people of a process, if its lease has run out
local now_ms = tonumber(ARGV[3])
local now = ARGV[4] -- RFC 3339
local channel = ARGV[5] -- of the envelopes

local expires = redis.call('ZSCORE', leases, process)
if not expires or (sweeps and tonumber(expires) > now_ms) then return {} end

local function tell(id, before, behind)
  local seen = redis.call('HGET', last_seen, id)
  redis.call('PUBLISH', channel, before .. (seen and cjson.encode(seen) or 'null') .. behind)
end

local unknown, k = {}, 6
for i = 6, #ARGV, 4 do
  local id, connected, before, behind = ARGV[i], ARGV[i + 1] == '1', ARGV[i + 2], ARGV[i + 3]
  local processes, user = KEYS[k], KEYS[k + 1]
  local known = redis.call('EXISTS', user) == 1
  if not connected then
    redis.call('SREM', people, id)
    redis.call('SREM', processes, process)
    if redis.call('SCARD', processes) == 0 and redis.call('SREM', online, id) == 1 and known then
      redis.call('HSET', last_seen, id, now)
      redis.call('HSET', last_seen_outbox, id, now)
      tell(id, before, behind)
    end
  elseif known then
    redis.call('SADD', people, id)
    redis.call('SADD', processes, process)
    if redis.call('SADD', online, id) == 1 then tell(id, before, behind) end
  else
    unknown[#unknown + 1] = id
  end
  k = k + 2
end
if sweeps and redis.call('SCARD', people) == 0 then redis.call('ZREM', leases, process) end
return unknown
