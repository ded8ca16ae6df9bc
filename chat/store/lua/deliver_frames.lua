-- Gives each frame the next position in the order of deliveries, keeps it for sockets that resume, and publishes it.
-- Doing all of this in one step makes the kept order equal to the published order.
-- KEYS: last position, first position, then for each frame the deliveries of its two people
-- ARGV: named below, then for each frame: channel, member, and its envelope's parts before and after the position
-- Returns the last position assigned.
local last_position, first_position = KEYS[1], KEYS[2]
local keep = tonumber(ARGV[1]) -- how many frames to keep per person
local seconds = ARGV[2] -- how long to keep them
local keep_position = ARGV[3] == '1' -- whether a frame that was delivered before keeps its old position

local function keep_for(deliveries, position, member)
  if keep_position then
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
  local channel, member, before, after = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  last = math.max(now, last + 1)
  local position = string.format('%.0f', last)
  keep_for(KEYS[k], position, member)
  keep_for(KEYS[k + 1], position, member)
  k = k + 2
  redis.call('PUBLISH', channel, before .. position .. after)
end
redis.call('SET', last_position, string.format('%.0f', last))
return string.format('%.0f', last)
