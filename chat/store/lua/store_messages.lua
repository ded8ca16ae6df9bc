-- Stores new messages and adds each to its conversation, to both people's lists, to the receiver's inbox, to the
-- outbox and, if it waits for a transcript, to the transcriptions.
-- A message that is already there is left alone: it may have changed since.
-- KEYS: outbox, transcriptions, then for each message: message, conversation, conversations of the sender and of
--       the receiver, inbox of the receiver, what was heard in the recording
-- ARGV: named below, then for each message: JSON, id, ms, sender, receiver, 1 if it waits for a transcript
-- Returns for each message 1 if it was new, else 0.
local outbox, transcriptions = KEYS[1], KEYS[2]
local max_unread = tonumber(ARGV[1]) -- in an inbox
local follower_ms = tonumber(ARGV[2]) -- how long a message waits for the follower of its recording
local new, k = {}, 3
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for i = 3, #ARGV, 6 do
  local message, conversation, of_sender, of_receiver, inbox = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4]
  local json, id, ms, sender, receiver, waits = unpack(ARGV, i, i + 5)
  if redis.call('JSON.SET', message, '$', json, 'NX') then
    redis.call('ZADD', conversation, 0, id)
    redis.call('ZADD', of_sender, 'GT', ms, receiver)
    redis.call('ZADD', of_receiver, 'GT', ms, sender)
    redis.call('ZADD', inbox, 0, id)
    redis.call('ZREMRANGEBYRANK', inbox, 0, -max_unread - 1)
    redis.call('ZADD', outbox, 1, id)
    if waits == '1' then
      -- Decided here: the follower may have ended since the message was looked at. It makes the attempt due when it ends.
      local followed = redis.call('HGET', KEYS[k + 5], 'state') == 'followed'
      redis.call('ZADD', transcriptions, 'NX', followed and now + follower_ms or 0, id)
    end
    new[#new + 1] = 1
  else
    new[#new + 1] = 0
  end
  k = k + 6
end
return new
