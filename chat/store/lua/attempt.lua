-- Take a voice message for an attempt at transcribing it, if one is due, and count it.
-- The attempt holds until its due time; whoever makes it moves that on while they live.
-- One whose workers keep dying may be what kills them: it is tried alone among its like, so that those that were only
-- beside it do not go on dying with it.
-- KEYS: transcriptions, attempts, deaths, the one tried alone
-- ARGV: id, ms the attempt holds, deaths after which it is tried alone
-- Returns the number of this attempt and whether it is made alone, or nothing.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if not due or tonumber(due) > now then return false end
local alone = tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0) >= tonumber(ARGV[3])
if alone then
  local other = redis.call('GET', KEYS[4])
  if other and other ~= ARGV[1] then return false end
  redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[2])
end
redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[2]), ARGV[1])
redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
return {redis.call('HINCRBY', KEYS[2], ARGV[1], 1), alone and 1 or 0}
