-- Store messages that are not there yet, each with its place in the conversation, in both people's lists,
-- in the receiver's inbox, in the outbox, and, when it waits for a transcript, among the transcriptions.
-- A message that is there is left as it is: it may have been changed since.
-- KEYS: outbox, transcriptions, then for each message: message, conversation, conversations of the sender and of
--       the receiver, inbox of the receiver
-- ARGV: most unread counted, then for each message: JSON, id, ms, sender, receiver, 1 when it waits for a transcript
-- Returns for each message 1 when it was new, else 0.
local outbox, transcriptions, most = KEYS[1], KEYS[2], tonumber(ARGV[1])
local new = {}
local k = 3
for i = 2, #ARGV, 6 do
  local json, id, ms, sender, receiver = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if redis.call('JSON.SET', KEYS[k], '$', json, 'NX') then
    redis.call('ZADD', KEYS[k + 1], 0, id)
    redis.call('ZADD', KEYS[k + 2], 'GT', ms, receiver)
    redis.call('ZADD', KEYS[k + 3], 'GT', ms, sender)
    redis.call('ZADD', KEYS[k + 4], 0, id)
    redis.call('ZREMRANGEBYRANK', KEYS[k + 4], 0, -most - 1)
    redis.call('ZADD', outbox, 1, id)
    if ARGV[i + 5] == '1' then redis.call('ZADD', transcriptions, 'NX', 0, id) end
    new[#new + 1] = 1
  else
    new[#new + 1] = 0
  end
  k = k + 5
end
return new
