-- Takes the lease to follow a recording, if nobody has it and it is still to be followed.
-- KEYS, ARGV: named below
-- Returns 1 if it was taken, 0 if not, and -1 if the recording is left, since too many of its followers died.
local following, heard = KEYS[1], KEYS[2]
local id, follower = ARGV[1], ARGV[2]
local lease_ms = tonumber(ARGV[3])
local max_deaths = tonumber(ARGV[4])

local ends = redis.call('ZSCORE', following, id)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if not ends or tonumber(ends) > now then return 0 end
if redis.call('HGET', heard, 'state') ~= 'followed' then -- it was left, or all of it was heard, since the last one began
  redis.call('ZREM', following, id)
  return 0
end
-- Counted before it begins, and taken back when it ends properly.
if redis.call('HINCRBY', heard, 'deaths', 1) > max_deaths then
  redis.call('ZREM', following, id)
  redis.call('HSET', heard, 'state', 'left')
  return -1
end
redis.call('HSET', heard, 'follower', follower)
redis.call('ZADD', following, 'XX', now + lease_ms, id)
return 1
