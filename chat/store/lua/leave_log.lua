-- Gives up the lease of a partition's log, or passes it on to another drainer.
-- KEYS, ARGV: named below
-- Returns 1, or 0 if the drainer had lost it.
local lease = KEYS[1]
local drainer, successor = ARGV[1], ARGV[2] -- the successor may be ''
local lease_ms = ARGV[3] -- for the successor

if redis.call('GET', lease) ~= drainer then return 0 end
if successor == '' then
  redis.call('DEL', lease)
else
  redis.call('SET', lease, successor, 'PX', lease_ms)
end
return 1
