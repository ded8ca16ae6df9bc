-- Takes a voice message for an attempt at transcribing it, if one is due, and counts it.
-- The attempt is leased until its due time; whoever makes it renews that while they live.
-- A message whose workers keep crashing may be what crashes them: it is tried alone among its like, so that those that
-- only ran beside it do not go on crashing with it.
-- KEYS, ARGV: see below
-- Returns the number of this attempt and whether it is made alone, or nothing.
local transcriptions, attempts, crashes, tried_alone = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id = ARGV[1]
local lease_ms = tonumber(ARGV[2])
local crashes_together = tonumber(ARGV[3]) -- from so many crashes on it is tried alone

local due = redis.call('ZSCORE', transcriptions, id)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if not due or tonumber(due) > now then return false end
local alone = tonumber(redis.call('HGET', crashes, id) or 0) >= crashes_together
if alone then
  local other = redis.call('GET', tried_alone)
  if other and other ~= id then return false end
  redis.call('SET', tried_alone, id, 'PX', lease_ms)
end
redis.call('ZADD', transcriptions, 'XX', now + lease_ms, id)
redis.call('HINCRBY', crashes, id, 1) -- taken back when the attempt ends in order
return {redis.call('HINCRBY', attempts, id, 1), alone and 1 or 0}
