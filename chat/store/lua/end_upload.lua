-- Ends an upload: gives back what was reserved for it, and counts what was stored instead.
-- KEYS: the person's running uploads, unclaimed recordings and stored bytes
-- ARGV: token, seconds to keep the unclaimed recordings, then for each stored recording its id and its bytes
local now, unclaimed, stored = KEYS[1], KEYS[2], KEYS[3]
local change = -tonumber(redis.call('HGET', unclaimed, ARGV[1]) or 0)
redis.call('ZREM', now, ARGV[1])
redis.call('HDEL', unclaimed, ARGV[1])
for i = 3, #ARGV, 2 do
  redis.call('HSET', unclaimed, ARGV[i], ARGV[i + 1])
  change = change + tonumber(ARGV[i + 1])
end
if #ARGV > 2 then redis.call('EXPIRE', unclaimed, ARGV[2]) end
if redis.call('EXISTS', stored) == 1 then redis.call('INCRBY', stored, change) end
