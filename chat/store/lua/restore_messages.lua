-- Copies archived messages back into Redis where it lacks them, and adds them to lists.
-- A message that Redis already has is left alone and takes precedence: it may have changed since it was archived.
-- KEYS: transcriptions, then for each message: message, conversation, conversations of the sender and of the
--       receiver, inbox of the receiver, cursors of the conversation, clientId. The lists of deleted accounts and a
--       missing clientId are ''
-- ARGV: named below, then for each message: JSON, id, ms, sender, receiver, the receipt for its clientId
local transcriptions = KEYS[1]
local max_unread = tonumber(ARGV[1]) -- in an inbox
local client_seconds = ARGV[2] -- how long to keep a clientId
local k = 2
for i = 3, #ARGV, 6 do
  local message, conversation, of_sender, of_receiver, inbox, cursors, client = unpack(KEYS, k, k + 6)
  local json, id, ms, sender, receiver, receipt = unpack(ARGV, i, i + 5)
  if not redis.call('JSON.SET', message, '$', json, 'NX') then
    redis.call('PERSIST', message) -- it may only have been there for a while; see load_for_change.lua
  end
  local now = cjson.decode(redis.call('JSON.GET', message, '$.status', '$.deletedAt'))
  local read = redis.call('HGET', cursors, receiver)
  if inbox ~= '' and not now['$.deletedAt'][1] and (not read or read < id) then
    redis.call('ZADD', inbox, 0, id)
    redis.call('ZREMRANGEBYRANK', inbox, 0, -max_unread - 1)
  end
  if now['$.status'][1] == 'transcribing' then redis.call('ZADD', transcriptions, 'NX', 0, id) end
  redis.call('ZADD', conversation, 0, id)
  if of_sender ~= '' then redis.call('ZADD', of_sender, 'GT', ms, receiver) end
  if of_receiver ~= '' then redis.call('ZADD', of_receiver, 'GT', ms, sender) end
  if client ~= '' then redis.call('SET', client, receipt, 'NX', 'EX', client_seconds) end
  k = k + 7
end
