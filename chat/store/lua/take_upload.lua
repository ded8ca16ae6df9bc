-- Reserves room for an upload, unless one of the person's limits forbids it; `end_upload` gives it back.
-- KEYS: the person's running uploads, unclaimed recordings and stored bytes, then the counters of their limits
-- ARGV: token of this upload, now (s), when its lease ends (s), bytes, maximum running, maximum unclaimed bytes,
--       maximum unclaimed recordings, maximum stored bytes, the stored bytes according to MongoDB or '', seconds to
--       keep those, seconds to keep the unclaimed recordings, then for each counter its maximum and its seconds
-- Returns {outcome, ...}, where outcome is one of
--   taken
--   stored: the stored bytes are unknown; ask MongoDB, then call again
--   at_once, unclaimed, full: that limit is reached
--   limited: followed by the seconds to wait
local now, unclaimed, stored = KEYS[1], KEYS[2], KEYS[3]
local token, bytes = ARGV[1], tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', now, '-inf', ARGV[2])
if redis.call('ZCARD', now) >= tonumber(ARGV[5]) then return {'at_once'} end
if redis.call('EXISTS', stored) == 0 then
  if ARGV[9] == '' then return {'stored'} end
  redis.call('SET', stored, ARGV[9], 'EX', ARGV[10])
end
if tonumber(redis.call('GET', stored)) + bytes > tonumber(ARGV[8]) then return {'full'} end
local entries, waiting = redis.call('HGETALL', unclaimed), bytes
for i = 1, #entries, 2 do
  if string.sub(entries[i], 1, 1) == '#' and not redis.call('ZSCORE', now, entries[i]) then
    redis.call('HDEL', unclaimed, entries[i])  -- its process died
  else
    waiting = waiting + tonumber(entries[i + 1])
  end
end
if waiting > tonumber(ARGV[6]) or #entries / 2 >= tonumber(ARGV[7]) then return {'unclaimed'} end
for i = 4, #KEYS do
  local most, seconds = tonumber(ARGV[2 * i + 4]), ARGV[2 * i + 5]
  local count = redis.call('INCR', KEYS[i])
  if count == 1 then redis.call('EXPIRE', KEYS[i], seconds) end
  if count > most then return {'limited', tostring(math.max(1, redis.call('TTL', KEYS[i])))} end
end
redis.call('ZADD', now, ARGV[3], token)
redis.call('EXPIREAT', now, ARGV[3])
redis.call('HSET', unclaimed, token, bytes)
redis.call('EXPIRE', unclaimed, ARGV[11])
redis.call('INCRBY', stored, bytes)
return {'taken'}
