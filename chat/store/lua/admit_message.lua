-- Counts a message against its sender's limits, and notes where what has this clientId is appended. A message that exceeds
-- one of them counts in none. The first one in a window passes whatever it counts for: a text never gets shorter.
-- The first step of accepting a message; `append_message` is the second one.
-- KEYS: the counters of the limits, then, if the message has a clientId, the home of what has it
-- ARGV: named below, then for each counter its maximum and its seconds
-- Returns {'admitted', the home that was noted before or ''}, or {'limited', the seconds to wait}.
local cost = tonumber(ARGV[1]) -- what this message counts for
local new_home, home_seconds = ARGV[2], ARGV[3] -- its home if it has none yet; how long to keep it
local limits = (#ARGV - 3) / 2
local first_limit = 4

local function limit(i)
  return KEYS[1 + i], tonumber(ARGV[first_limit + 2 * i]), ARGV[first_limit + 2 * i + 1]
end

for i = 0, limits - 1 do
  local counter, max, seconds = limit(i)
  local count = tonumber(redis.call('GET', counter) or 0)
  if count > 0 and count + cost > max then
    redis.call('EXPIRE', counter, seconds, 'NX')
    return {'limited', tostring(math.max(1, redis.call('TTL', counter)))}
  end
end
for i = 0, limits - 1 do
  local counter, _, seconds = limit(i)
  redis.call('INCRBY', counter, cost)
  redis.call('EXPIRE', counter, seconds, 'NX')
end
local home = KEYS[limits + 1]
return {'admitted', home and redis.call('SET', home, new_home, 'NX', 'GET', 'EX', home_seconds) or ''}
