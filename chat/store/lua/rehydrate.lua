-- Put messages of the archive back into Redis where it lacks them, with their places in lists.
-- KEYS: transcriptions, then for each message: message, conversation, conversations of the sender and of the
--       receiver, inbox of the receiver, cursors of the conversation, clientId or ''
-- ARGV: most unread counted, seconds a clientId is kept, then for each message: JSON, id, ms, sender, receiver,
--       what its clientId stands for, 1 when it waits for a transcript
local most, k = tonumber(ARGV[1]), 2
for i = 3, #ARGV, 7 do
  local id, ms, sender, receiver = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if redis.call('JSON.SET', KEYS[k], '$', ARGV[i], 'NX') then
    local read = redis.call('HGET', KEYS[k + 5], receiver)
    if not read or read < id then
      redis.call('ZADD', KEYS[k + 4], 0, id)
      redis.call('ZREMRANGEBYRANK', KEYS[k + 4], 0, -most - 1)
    end
    if ARGV[i + 6] == '1' then redis.call('ZADD', KEYS[1], 'NX', 0, id) end
  else
    redis.call('PERSIST', KEYS[k]) -- it may have been there for a time only, see warm.lua
  end
  redis.call('ZADD', KEYS[k + 1], 0, id)
  redis.call('ZADD', KEYS[k + 2], 'GT', ms, receiver)
  redis.call('ZADD', KEYS[k + 3], 'GT', ms, sender)
  if KEYS[k + 6] ~= '' then redis.call('SET', KEYS[k + 6], ARGV[i + 5], 'NX', 'EX', ARGV[2]) end
  k = k + 7
end
