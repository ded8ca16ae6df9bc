-- Counts a message against its sender's limits, and notes to whom it goes that has this clientId. A message that exceeds
-- one of them counts in none.
-- The first step of accepting a message; `append_message` is the second one.
-- KEYS: the counters of the limits, then, if the message has a clientId, to whom goes what has it
-- ARGV: named below, then for each counter its maximum and its seconds
-- Returns {'admitted', the receiver of what has this clientId}, or {'limited', the seconds to wait}.
local cost = tonumber(ARGV[1]) -- what this message counts for
local receiver, seconds_meant = ARGV[2], ARGV[3] -- how long to keep to whom it goes
local limits = (#ARGV - 3) / 2
local first_limit = 4

local function limit(i)
  return KEYS[1 + i], tonumber(ARGV[first_limit + 2 * i]), ARGV[first_limit + 2 * i + 1]
end

for i = 0, limits - 1 do
  local counter, max, seconds = limit(i)
  if tonumber(redis.call('GET', counter) or 0) + cost > max then
    redis.call('EXPIRE', counter, seconds, 'NX')
    return {'limited', tostring(math.max(1, redis.call('TTL', counter)))}
  end
end
for i = 0, limits - 1 do
  local counter, _, seconds = limit(i)
  redis.call('INCRBY', counter, cost)
  redis.call('EXPIRE', counter, seconds, 'NX')
end
local meant = KEYS[limits + 1]
if not meant then return {'admitted', receiver} end
return {'admitted', redis.call('SET', meant, receiver, 'NX', 'GET', 'EX', seconds_meant) or receiver}
