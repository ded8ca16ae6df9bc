-- Records which people have a socket on a web process, and announces whoever comes online or goes offline by that.
-- Reports from a process without a lease are ignored; it reports all its people when it gets one. So everybody recorded
-- for a process is taken offline when its lease expires.
-- KEYS: named below, then for each person: the processes they are on, their user
-- ARGV: named below, then for each person: id, 1 if they have a socket there, else 0, the recipients of the announcement,
--       and its parts before and after the JSON of when they were last seen
-- Returns the ids of people with a socket who are unknown as users.
local leases, online, last_seen, last_seen_outbox, people = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local process = ARGV[1]
local sweeps = ARGV[2] == '1' -- whether to take the people of a process offline, if its lease has expired
local now = ARGV[3] -- RFC 3339
local channel = ARGV[4] -- of the envelopes
local everyone = ARGV[5] == '1' -- whether everybody is told, and there are no lists of recipients

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = redis.call('ZSCORE', leases, process)
if not expires or (sweeps and tonumber(expires) > now_ms) then return {} end

local function announce(id, recipients, before, after)
  if recipients == '' and not everyone then return end -- as a list of recipients it would mean everybody
  local seen = redis.call('HGET', last_seen, id)
  redis.call('PUBLISH', channel, recipients .. before .. (seen and cjson.encode(seen) or 'null') .. after)
end

local unknown, k = {}, 6
for i = 6, #ARGV, 5 do
  local id, connected, recipients, before, after = ARGV[i], ARGV[i + 1] == '1', ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local processes, user = KEYS[k], KEYS[k + 1]
  local known = redis.call('EXISTS', user) == 1
  if not connected then
    redis.call('SREM', people, id)
    redis.call('SREM', processes, process)
    if redis.call('SCARD', processes) == 0 and redis.call('SREM', online, id) == 1 and known then
      redis.call('HSET', last_seen, id, now)
      redis.call('HSET', last_seen_outbox, id, now)
      announce(id, recipients, before, after)
    end
  elseif known then
    redis.call('SADD', people, id)
    redis.call('SADD', processes, process)
    if redis.call('SADD', online, id) == 1 then announce(id, recipients, before, after) end
  else
    unknown[#unknown + 1] = id
  end
  k = k + 2
end
if sweeps and redis.call('SCARD', people) == 0 then redis.call('ZREM', leases, process) end
return unknown
