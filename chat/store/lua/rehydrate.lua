-- Put messages of the archive back into Redis where it lacks them, with their places in lists.
-- A message that is there is left as it is, and decides: it may have been changed since.
-- KEYS: transcriptions, then for each message: message, conversation, conversations of the sender and of the
--       receiver, inbox of the receiver, cursors of the conversation, clientId; lists of people who have left, and
--       a clientId that is not there, are ''
-- ARGV: most unread counted, seconds a clientId is kept, then for each message: JSON, id, ms, sender, receiver,
--       what its clientId stands for
local most, k = tonumber(ARGV[1]), 2
for i = 3, #ARGV, 6 do
  local id, ms, sender, receiver = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if not redis.call('JSON.SET', KEYS[k], '$', ARGV[i], 'NX') then
    redis.call('PERSIST', KEYS[k]) -- it may have been there for a time only, see warm.lua
  end
  local now = cjson.decode(redis.call('JSON.GET', KEYS[k], '$.status', '$.deletedAt'))
  local read = redis.call('HGET', KEYS[k + 5], receiver)
  if KEYS[k + 4] ~= '' and not now['$.deletedAt'][1] and (not read or read < id) then
    redis.call('ZADD', KEYS[k + 4], 0, id)
    redis.call('ZREMRANGEBYRANK', KEYS[k + 4], 0, -most - 1)
  end
  if now['$.status'][1] == 'transcribing' then redis.call('ZADD', KEYS[1], 'NX', 0, id) end
  redis.call('ZADD', KEYS[k + 1], 0, id)
  if KEYS[k + 2] ~= '' then redis.call('ZADD', KEYS[k + 2], 'GT', ms, receiver) end
  if KEYS[k + 3] ~= '' then redis.call('ZADD', KEYS[k + 3], 'GT', ms, sender) end
  if KEYS[k + 6] ~= '' then redis.call('SET', KEYS[k + 6], ARGV[i + 5], 'NX', 'EX', ARGV[2]) end
  k = k + 7
end
