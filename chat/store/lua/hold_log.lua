-- Takes the lease of a partition's log if it is free, or renews it, and with it the flag that a drainer is there.
-- KEYS, ARGV: named below
-- Returns one of
--   held: the drainer has it now
--   attended: another one has it, and goes on
--   leased: another one has it, and is about to end, or dead
local lease, waking = KEYS[1], KEYS[2]
local drainer = ARGV[1]
local lease_ms, waking_ms = ARGV[2], ARGV[3]
local renews = ARGV[4] == '1' -- whether to take no free one

local holder = redis.call('GET', lease)
if holder == drainer or not holder and not renews then
  redis.call('SET', lease, drainer, 'PX', lease_ms)
  redis.call('SET', waking, drainer, 'PX', waking_ms)
  return 'held'
end
if holder and redis.call('GET', waking) == holder then return 'attended' end
return 'leased'
