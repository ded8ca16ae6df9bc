-- Reserves room for an upload, unless one of the person's limits forbids it; `end_upload` gives it back.
-- KEYS: the person's running uploads, unclaimed recordings and stored bytes, then the counters of their limits
-- ARGV: named below, then for each counter its maximum and its seconds
-- Returns {outcome, ...}, where outcome is one of
--   taken
--   stored: the stored bytes are unknown; ask MongoDB, then call again
--   at_once, unclaimed, full: that limit is reached
--   limited: followed by the seconds to wait
local running, unclaimed, stored = KEYS[1], KEYS[2], KEYS[3]
local first_counter = 4

local token, now, lease_ends = ARGV[1], ARGV[2], ARGV[3] -- of this upload; Unix seconds
local bytes = tonumber(ARGV[4])
local max_running = tonumber(ARGV[5])
local max_unclaimed_bytes, max_unclaimed = tonumber(ARGV[6]), tonumber(ARGV[7])
local max_stored = tonumber(ARGV[8])
local archived_bytes = ARGV[9] -- the stored bytes according to MongoDB, or ''
local stored_seconds, unclaimed_seconds = ARGV[10], ARGV[11] -- how long to keep the two
local first_limit = 12

redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
if redis.call('ZCARD', running) >= max_running then return {'at_once'} end
if redis.call('EXISTS', stored) == 0 then
  if archived_bytes == '' then return {'stored'} end
  redis.call('SET', stored, archived_bytes, 'EX', stored_seconds)
end
if tonumber(redis.call('GET', stored)) + bytes > max_stored then return {'full'} end
local entries, waiting = redis.call('HGETALL', unclaimed), bytes
for i = 1, #entries, 2 do
  if string.sub(entries[i], 1, 1) == '#' and not redis.call('ZSCORE', running, entries[i]) then
    redis.call('HDEL', unclaimed, entries[i]) -- its process died
  else
    waiting = waiting + tonumber(entries[i + 1])
  end
end
if waiting > max_unclaimed_bytes or #entries / 2 >= max_unclaimed then return {'unclaimed'} end
for i = 0, #KEYS - first_counter do
  local counter = KEYS[first_counter + i]
  local max, seconds = tonumber(ARGV[first_limit + 2 * i]), ARGV[first_limit + 2 * i + 1]
  local count = redis.call('INCR', counter)
  if count == 1 then redis.call('EXPIRE', counter, seconds) end
  if count > max then return {'limited', tostring(math.max(1, redis.call('TTL', counter)))} end
end
redis.call('ZADD', running, lease_ends, token)
redis.call('EXPIREAT', running, lease_ends)
redis.call('HSET', unclaimed, token, bytes)
redis.call('EXPIRE', unclaimed, unclaimed_seconds)
redis.call('INCRBY', stored, bytes)
return {'taken'}
