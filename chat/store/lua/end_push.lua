-- Ends an attempt at a notification, unless a newer message has come for it meanwhile, which is due by itself.
-- KEYS: due, messages, attempts, devices not reached yet
-- ARGV: named below
local due, messages, attempts, unreached = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name = ARGV[1] -- `<receiver> <sender>`
local id = ARGV[2] -- the message it was for
local pause_ms = ARGV[3] -- until it is tried again; '' if it is done
local devices = ARGV[4] -- that are still to be reached then

local newest = redis.call('HGET', messages, name) or ''
if newest ~= id then return end
if pause_ms ~= '' then
  local time = redis.call('TIME')
  redis.call('ZADD', due, 'XX', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(pause_ms), name)
  redis.call('HSET', unreached, name, devices)
else
  redis.call('ZREM', due, name)
  redis.call('HDEL', messages, name)
  redis.call('HDEL', attempts, name)
  redis.call('HDEL', unreached, name)
end
