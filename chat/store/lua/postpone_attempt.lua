-- Postpones the next attempt to transcribe a voice message, if the message still waits for one.
-- KEYS, ARGV: named below
local transcriptions, attempts, crashes, tried_alone, running = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id = ARGV[1]
local pause_ms = tonumber(ARGV[2]) -- from now
local outcome = ARGV[3] -- of the attempt: 'running' (still going), 'failed', or 'uncounted' (could not be made)

if not redis.call('ZSCORE', transcriptions, id) then return end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', transcriptions, 'XX', now + pause_ms, id)
if outcome == 'running' then
  if redis.call('GET', tried_alone) == id then redis.call('PEXPIRE', tried_alone, pause_ms) end
  return
end
redis.call('HDEL', running, id)
redis.call('HDEL', crashes, id)
if outcome == 'uncounted' then redis.call('HINCRBY', attempts, id, -1) end
