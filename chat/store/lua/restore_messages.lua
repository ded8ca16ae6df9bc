-- Copies archived messages back into Redis where it lacks them, and adds them to lists.
-- Of a message that Redis already has, the newer revision stays, and a tombstone in any case: it may have changed since
-- it was archived, or this Redis may be an older copy.
-- KEYS: transcriptions, then for each message: message, conversation, conversations of the sender and of the
--       receiver, inbox of the receiver, cursors of the conversation, clientId. The lists of deleted accounts and a
--       missing clientId are ''
-- ARGV: named below, then for each message: JSON, revision, 1 if it is a tombstone, id, ms, sender, receiver, the receipt
--       for its clientId
-- Returns the number of messages that Redis lacked, or had in an older revision.
local transcriptions = KEYS[1]
local max_unread = tonumber(ARGV[1]) -- in an inbox
local client_seconds = ARGV[2] -- how long to keep a clientId

-- Returns whether the message is now the archive's.
local function restore(message, json, revision, deleted)
  if redis.call('JSON.SET', message, '$', json, 'NX') then return true end
  redis.call('PERSIST', message) -- it may only have been there for a while; see load_for_change.lua
  local now = cjson.decode(redis.call('JSON.GET', message, '$.revision', '$.deletedAt'))
  if now['$.deletedAt'][1] then return false end
  if deleted ~= '1' and tonumber(revision) <= (now['$.revision'][1] or 1) then return false end
  redis.call('JSON.SET', message, '$', json)
  return true
end

local k, brought = 2, 0
for i = 3, #ARGV, 8 do
  local message, conversation, of_sender, of_receiver, inbox, cursors, client = unpack(KEYS, k, k + 6)
  local json, revision, deleted, id, ms, sender, receiver, receipt = unpack(ARGV, i, i + 7)
  if restore(message, json, revision, deleted) then brought = brought + 1 end
  local now = cjson.decode(redis.call('JSON.GET', message, '$.status', '$.deletedAt'))
  local read = redis.call('HGET', cursors, receiver)
  if inbox ~= '' then
    if now['$.deletedAt'][1] then
      redis.call('ZREM', inbox, id)
    elseif not read or read < id then
      redis.call('ZADD', inbox, 0, id)
      redis.call('ZREMRANGEBYRANK', inbox, 0, -max_unread - 1)
    end
  end
  if now['$.status'][1] == 'transcribing' then redis.call('ZADD', transcriptions, 'NX', 0, id) end
  redis.call('ZADD', conversation, 0, id)
  if of_sender ~= '' then redis.call('ZADD', of_sender, 'GT', ms, receiver) end
  if of_receiver ~= '' then redis.call('ZADD', of_receiver, 'GT', ms, sender) end
  if client ~= '' then redis.call('SET', client, receipt, 'NX', 'EX', client_seconds) end
  k = k + 7
end
return brought
