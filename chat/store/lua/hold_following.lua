-- Renews, passes on or ends the lease of a recording's follower.
-- KEYS, ARGV: named below
-- Returns 1, or 0 if the follower has lost its lease, or the recording is to be left.
local following, heard = KEYS[1], KEYS[2]
local id, follower = ARGV[1], ARGV[2]
local action = ARGV[3] -- 'renew'; 'pass': another takes over; 'rest': until the next piece; 'finished', 'left': for good
local lease_ms = tonumber(ARGV[4])

if redis.call('HGET', heard, 'follower') ~= follower or redis.call('HGET', heard, 'state') ~= 'followed' then return 0 end
if action == 'renew' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('ZADD', following, 'XX', now + lease_ms, id)
  return redis.call('ZSCORE', following, id) and 1 or 0
end
redis.call('HDEL', heard, 'follower', 'deaths')
if action == 'pass' then
  redis.call('ZADD', following, 'XX', 0, id)
  return 1
end
redis.call('ZREM', following, id)
if action ~= 'rest' then redis.call('HSET', heard, 'state', action) end
return 1
