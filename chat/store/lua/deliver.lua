-- Give each frame the next position in the order of deliveries, keep it for those who resume, publish it.
-- Doing it in one step makes the order kept the order published.
-- KEYS: last position, first position, then for each frame the deliveries of its two people
-- ARGV: frames kept per person, seconds they are kept, 0 when a frame delivered before keeps its position for those who
--       resume, then for each frame: channel, recipients, member, data
-- Returns the last position given.
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.call('SET', KEYS[2], string.format('%.0f', now), 'NX')
local keep, seconds = tonumber(ARGV[1]), ARGV[2]
local key = 3
for i = 4, #ARGV, 4 do
  last = math.max(now, last + 1)
  local position = string.format('%.0f', last)
  for k = key, key + 1 do
    if ARGV[3] == '0' then
      redis.call('ZADD', KEYS[k], 'NX', position, ARGV[i + 2])
    else
      redis.call('ZADD', KEYS[k], position, ARGV[i + 2])
    end
    redis.call('ZREMRANGEBYRANK', KEYS[k], 0, -keep - 1)
    redis.call('EXPIRE', KEYS[k], seconds)
  end
  key = key + 2
  redis.call('PUBLISH', ARGV[i], ARGV[i + 1] .. ' ' .. position .. '\n' .. ARGV[i + 3])
end
redis.call('SET', KEYS[1], string.format('%.0f', last))
return string.format('%.0f', last)
