-- Move on when the next attempt at a voice message is due, unless it waits for none any more.
-- KEYS: transcriptions, attempts, deaths, the one tried alone
-- ARGV: id, ms from now, and what became of the attempt: 'held' it goes on, 'failed', or 'uncounted' it was none
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[2]), ARGV[1])
if ARGV[3] == 'held' then
  if redis.call('GET', KEYS[4]) == ARGV[1] then redis.call('PEXPIRE', KEYS[4], ARGV[2]) end
  return
end
redis.call('HDEL', KEYS[3], ARGV[1])
if ARGV[3] == 'uncounted' then redis.call('HINCRBY', KEYS[2], ARGV[1], -1) end
