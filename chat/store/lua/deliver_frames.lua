-- Gives each frame the next position in the order of deliveries, keeps it for those who resume, publishes it.
-- Doing it in one step makes the order kept the order published.
-- KEYS: last position, first position, then for each frame the deliveries of its two people
-- ARGV: see below; behind them, for each frame: channel, member, what stands before and behind the position in its
--       envelope
-- Returns the last position given.
local last_position, first_position = KEYS[1], KEYS[2]
local keep = tonumber(ARGV[1]) -- frames kept per person
local seconds = ARGV[2] -- they are kept
local once = ARGV[3] == '1' -- a frame that was delivered before keeps its position for those who resume

local function keep_for(deliveries, position, member)
  if once then
    redis.call('ZADD', deliveries, 'NX', position, member)
  else
    redis.call('ZADD', deliveries, position, member)
  end
  redis.call('ZREMRANGEBYRANK', deliveries, 0, -keep - 1)
  redis.call('EXPIRE', deliveries, seconds)
end

local last = tonumber(redis.call('GET', last_position) or '0')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.call('SET', first_position, string.format('%.0f', now), 'NX')
local k = 3
for i = 4, #ARGV, 4 do
  local channel, member, before, behind = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  last = math.max(now, last + 1)
  local position = string.format('%.0f', last)
  keep_for(KEYS[k], position, member)
  keep_for(KEYS[k + 1], position, member)
  k = k + 2
  redis.call('PUBLISH', channel, before .. position .. behind)
end
redis.call('SET', last_position, string.format('%.0f', last))
return string.format('%.0f', last)
