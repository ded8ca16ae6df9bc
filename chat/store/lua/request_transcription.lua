-- Queues a delivered voice message to be transcribed again, unless it is being transcribed already or a limit is reached.
-- Only a request that is taken counts against the limits.
-- KEYS: named below, then the counters of the limits
-- ARGV: named below, then for each counter: its maximum, its seconds, and what this request adds to it
-- Returns {'taken'}, {'busy'}, or {'limited', index of the counter, seconds to wait}.
local transcriptions, again, attempts, languages = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local turns, revisions = KEYS[5], KEYS[6]
local first_counter = 7
local id, language = ARGV[1], ARGV[2] -- language may be ''
local person, length_ms = ARGV[3], ARGV[4] -- whose turn it takes, and how long the recording is
local revision = ARGV[5] -- of the message, if its text may be overwritten although it is the sender's own; else ''
local first_limit = 6

local function limit(i)
  local at = first_limit + 3 * i
  return KEYS[first_counter + i], tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
end

if redis.call('ZSCORE', transcriptions, id) then return {'busy'} end
local limits = #KEYS - first_counter + 1
for i = 0, limits - 1 do
  local counter, max, _, added = limit(i)
  local count = tonumber(redis.call('GET', counter) or 0)
  if count > 0 and count + added > max then
    return {'limited', tostring(i), tostring(math.max(1, redis.call('TTL', counter)))}
  end
end
for i = 0, limits - 1 do
  local counter, _, seconds, added = limit(i)
  if redis.call('INCRBY', counter, added) == added then redis.call('EXPIRE', counter, seconds) end
end
local time = redis.call('TIME')
redis.call('ZADD', transcriptions, 0, id)
redis.call('SADD', again, id)
redis.call('HDEL', attempts, id)
redis.call('HSET', turns, id, string.format('%s %d%03d %s', person, time[1], math.floor(time[2] / 1000), length_ms))
if language ~= '' then redis.call('HSET', languages, id, language) end
if revision ~= '' then redis.call('HSET', revisions, id, revision) end
return {'taken'}
