-- Ends an attempt at a notification, unless a newer message has come for it meanwhile, which is due by itself.
-- KEYS: due, messages, attempts
-- ARGV: named below
local due, messages, attempts = KEYS[1], KEYS[2], KEYS[3]
local name = ARGV[1] -- `<receiver> <sender>`
local id = ARGV[2] -- the message it was for
local again = ARGV[3] -- when to try again (ms); '' if it is done

local newest = redis.call('HGET', messages, name) or ''
if newest ~= id then return end
if again ~= '' then
  redis.call('ZADD', due, 'XX', again, name)
else
  redis.call('ZREM', due, name)
  redis.call('HDEL', messages, name)
  redis.call('HDEL', attempts, name)
end
