-- Takes back what was counted against limits. Where a window has ended since, there is nothing to take it from.
-- KEYS: the counters, then, if it was to be counted once, the mark that it was
-- ARGV: for each counter what to take from it
local mark = KEYS[#ARGV + 1]

if mark and redis.call('DEL', mark) == 0 then return end
for i, counted in ipairs(ARGV) do
  local count = tonumber(redis.call('GET', KEYS[i]) or 0)
  -- Without the first condition this would create a counter that never expires.
  if count > 0 then redis.call('DECRBY', KEYS[i], math.min(count, tonumber(counted))) end
end
