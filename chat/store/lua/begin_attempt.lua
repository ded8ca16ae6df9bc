-- Begins an attempt to transcribe a voice message, if one is due, and counts it.
-- The attempt is leased until its new due time; the worker renews the lease while it lives.
-- A message whose workers keep crashing may be the cause. From some number of crashes on, only one such message is
-- tried at a time, so that messages that merely ran alongside the culprit stop crashing with it.
-- KEYS, ARGV: named below
-- Returns the number of this attempt and 1 if it is made alone, else 0; nothing if no attempt may begin.
local transcriptions, attempts, crashes, tried_alone = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id = ARGV[1]
local lease_ms = tonumber(ARGV[2])
local crashes_together = tonumber(ARGV[3]) -- from this many crashes on, the message is tried alone

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
redis.call('HINCRBY', crashes, id, 1) -- undone when the attempt ends properly
return {redis.call('HINCRBY', attempts, id, 1), alone and 1 or 0}
