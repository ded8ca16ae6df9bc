-- Ends an upload or a recording that grew: gives back what was reserved for it, and counts what was stored instead.
-- Safe to repeat.
-- KEYS: what the person has running of this kind; their unclaimed recordings and stored bytes
-- ARGV: named below, then for each stored recording its id and its bytes
local running, unclaimed, stored = KEYS[1], KEYS[2], KEYS[3]
local token = ARGV[1]
local unclaimed_seconds = ARGV[2] -- how long to keep the unclaimed recordings
local first_recording = 3

local change = -tonumber(redis.call('HGET', unclaimed, token) or 0)
redis.call('ZREM', running, token)
redis.call('HDEL', unclaimed, token)
for i = first_recording, #ARGV, 2 do
  local recording, bytes = ARGV[i], ARGV[i + 1]
  if redis.call('HSETNX', unclaimed, recording, bytes) == 1 then change = change + tonumber(bytes) end
end
if #ARGV >= first_recording then redis.call('EXPIRE', unclaimed, unclaimed_seconds) end
if redis.call('EXISTS', stored) == 1 then redis.call('INCRBY', stored, change) end
