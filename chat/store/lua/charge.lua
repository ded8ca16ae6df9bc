-- Counts something against limits, unless that would exceed one of them. The first thing passes whatever it counts for: a
-- recording never gets shorter.
-- KEYS: the counters, then, if it is to be counted once, the mark that it was
-- ARGV: named below, then for each counter its maximum, its seconds and what this adds to it
-- Returns {}, or {the index of the counter that is full, the seconds to wait}.
local mark_seconds = ARGV[1] -- how long to keep the mark, '' if there is none
local limits = (#ARGV - 1) / 3
local mark = KEYS[limits + 1]

local function limit(i)
  local at = 2 + 3 * i
  return KEYS[1 + i], tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
end

if mark and redis.call('EXISTS', mark) == 1 then return {} end
for i = 0, limits - 1 do
  local counter, max, seconds, added = limit(i)
  local count = tonumber(redis.call('GET', counter) or 0)
  if count > 0 and count + added > max then
    redis.call('EXPIRE', counter, seconds, 'NX')
    return {i, math.max(1, redis.call('TTL', counter))}
  end
end
for i = 0, limits - 1 do
  local counter, _, seconds, added = limit(i)
  redis.call('INCRBY', counter, added)
  redis.call('EXPIRE', counter, seconds, 'NX')
end
if mark then redis.call('SET', mark, '1', 'EX', mark_seconds) end
return {}
