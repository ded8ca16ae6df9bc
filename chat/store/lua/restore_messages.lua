-- Copies a partition's archived messages back into Redis where it lacks them, and adds them to their conversations.
-- Of a message that Redis already has, the newer revision stays, and a tombstone in any case: it may have changed since
-- it was archived, or this Redis may be an older copy.
-- KEYS: for each message: message, conversation, cursors of the conversation, and its clientId or, without one, the message
-- ARGV: named below, then for each message: JSON, revision, 1 if it is a tombstone, id, receiver, the receipt for its clientId
--       or ''
-- Returns for each message 1 if Redis lacked it, or had it in an older revision, else 0; 1 if it is deleted now; 1 if it waits
-- for a transcript; and up to where its receiver has read the conversation, or ''.
local client_seconds = ARGV[1] -- how long to keep a clientId

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

local found, k = {}, 1
for i = 2, #ARGV, 6 do
  local message, conversation, cursors, client = unpack(KEYS, k, k + 3)
  local json, revision, deleted, id, receiver, receipt = unpack(ARGV, i, i + 5)
  found[#found + 1] = restore(message, json, revision, deleted) and 1 or 0
  local now = cjson.decode(redis.call('JSON.GET', message, '$.status', '$.deletedAt'))
  found[#found + 1] = now['$.deletedAt'][1] and 1 or 0
  found[#found + 1] = now['$.status'][1] == 'transcribing' and 1 or 0
  found[#found + 1] = redis.call('HGET', cursors, receiver) or ''
  redis.call('ZADD', conversation, 0, id)
  if receipt ~= '' then redis.call('SET', client, receipt, 'NX', 'EX', client_seconds) end
  k = k + 4
end
return found
