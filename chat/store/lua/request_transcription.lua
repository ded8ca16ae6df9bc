-- Has a voice message that was delivered transcribed again, unless it is being transcribed or its person's limits are
-- reached. Only a request that is taken counts against them.
-- KEYS: see below; behind them the counters of the limits
-- ARGV: see below; behind them, for each counter: the most, its seconds, and what this request adds
-- Returns {'taken'}, {'busy'}, or {'limited', the number of the counter, seconds}.
local transcriptions, again, attempts, languages = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local turns, revisions = KEYS[5], KEYS[6]
local first_counter = 7
local id, language = ARGV[1], ARGV[2] -- language may be ''
local person, length = ARGV[3], ARGV[4] -- whose turn it takes; ms
local revision = ARGV[5] -- of the message, whose text this may overwrite although it is its sender's own; or ''
local first_limit = 6

local function limit(i)
  local at = first_limit + 3 * i
  return KEYS[first_counter + i], tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
end

if redis.call('ZSCORE', transcriptions, id) then return {'busy'} end
local limits = #KEYS - first_counter + 1
for i = 0, limits - 1 do
  local counter, most, _, added = limit(i)
  local count = tonumber(redis.call('GET', counter) or 0)
  if count > 0 and count + added > most then
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
redis.call('HSET', turns, id, string.format('%s %d%03d %s', person, time[1], math.floor(time[2] / 1000), length))
if language ~= '' then redis.call('HSET', languages, id, language) end
if revision ~= '' then redis.call('HSET', revisions, id, revision) end
return {'taken'}
