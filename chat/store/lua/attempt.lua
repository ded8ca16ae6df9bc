-- Take a voice message for an attempt at transcribing it, if one is due, and count it.
-- The attempt holds until its due time; whoever makes it moves that on while they live.
-- KEYS: transcriptions, attempts
-- ARGV: id, ms the attempt holds
-- Returns the number of this attempt, or nothing.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if not due or tonumber(due) > now then return false end
redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[2]), ARGV[1])
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
