-- Has new voice messages transcribed. Those whose recordings are being followed wait for the follower.
-- KEYS: transcriptions, then for each message what was heard in its recording
-- ARGV: named below, then the ids of the messages
local transcriptions = KEYS[1]
local follower_ms = tonumber(ARGV[1]) -- how long a message waits for the follower of its recording

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for i = 2, #ARGV do
  -- Decided here: the follower may have ended since the message was looked at. It makes the attempt due when it ends.
  local followed = redis.call('HGET', KEYS[i], 'state') == 'followed'
  redis.call('ZADD', transcriptions, 'NX', followed and now + follower_ms or 0, ARGV[i])
end
