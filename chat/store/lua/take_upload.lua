-- Reserves room for an upload or a recording that grows, unless one of the person's limits forbids it; `end_upload`
-- gives it back.
-- KEYS: what the person has running of this kind, and of the other kind; their unclaimed recordings and stored bytes;
--       then the counters of their limits
-- ARGV: named below, then for each counter its maximum and its seconds
-- Returns {outcome, ...}, where outcome is one of
--   taken
--   stored: the stored bytes are unknown; ask MongoDB, then call again
--   at_once, unclaimed, full: that limit is reached
--   limited: followed by the seconds to wait
local running, others, unclaimed, stored = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local first_counter = 5

local token, lease_seconds = ARGV[1], tonumber(ARGV[2]) -- of this one
local bytes = tonumber(ARGV[3])
local max_running = tonumber(ARGV[4])
local max_unclaimed_bytes, max_unclaimed = tonumber(ARGV[5]), tonumber(ARGV[6])
local max_stored = tonumber(ARGV[7])
local archived_bytes = ARGV[8] -- the stored bytes according to MongoDB, or ''
local stored_seconds, unclaimed_seconds = ARGV[9], ARGV[10] -- how long to keep the two
local first_limit = 11

local now = tonumber(redis.call('TIME')[1])
for _, kind in ipairs({running, others}) do redis.call('ZREMRANGEBYSCORE', kind, '-inf', now) end
if redis.call('ZCARD', running) >= max_running then return {'at_once'} end
local entries, waiting, reserved = redis.call('HGETALL', unclaimed), bytes, 0
local recordings = #entries / 2
for i = 1, #entries, 2 do
  local entry, size = entries[i], tonumber(entries[i + 1])
  if string.sub(entry, 1, 1) ~= '#' then
    waiting = waiting + size
  elseif redis.call('ZSCORE', running, entry) or redis.call('ZSCORE', others, entry) then
    waiting, reserved = waiting + size, reserved + size
  else -- its process died, or the recording expired
    redis.call('HDEL', unclaimed, entry)
    recordings = recordings - 1
    if redis.call('EXISTS', stored) == 1 then redis.call('DECRBY', stored, size) end
  end
end
if redis.call('EXISTS', stored) == 0 then
  if archived_bytes == '' then return {'stored'} end
  redis.call('SET', stored, tonumber(archived_bytes) + reserved, 'EX', stored_seconds)
end
if tonumber(redis.call('GET', stored)) + bytes > max_stored then return {'full'} end
if waiting > max_unclaimed_bytes or recordings >= max_unclaimed then return {'unclaimed'} end
for i = 0, #KEYS - first_counter do
  local counter = KEYS[first_counter + i]
  local max, seconds = tonumber(ARGV[first_limit + 2 * i]), ARGV[first_limit + 2 * i + 1]
  local count = redis.call('INCR', counter)
  redis.call('EXPIRE', counter, seconds, 'NX')
  if count > max then return {'limited', tostring(math.max(1, redis.call('TTL', counter)))} end
end
redis.call('ZADD', running, now + lease_seconds, token)
redis.call('EXPIREAT', running, now + lease_seconds)
redis.call('HSET', unclaimed, token, bytes)
redis.call('EXPIRE', unclaimed, unclaimed_seconds)
redis.call('INCRBY', stored, bytes)
return {'taken'}
