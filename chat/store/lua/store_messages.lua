-- Stores new messages of a partition, and adds each to its conversation and to the outbox.
-- A message that is already there is left alone: it may have changed since.
-- KEYS: outbox, then for each message: message, conversation, cursors of the conversation; then, if it is wanted, the set
--       that gets the ids of new messages, for what follows in the same round trip
-- ARGV: for each message: JSON, id, receiver
-- Returns for each message 1 if it was new, else 0, and up to where its receiver has read the conversation, or ''.
local outbox = KEYS[1]
local stored_now = KEYS[2 + #ARGV]
local found, k = {}, 2
for i = 1, #ARGV, 3 do
  local message, conversation, cursors = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local json, id, receiver = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local new = redis.call('JSON.SET', message, '$', json, 'NX') and 1 or 0
  if new == 1 then
    redis.call('ZADD', conversation, 0, id)
    redis.call('ZADD', outbox, 1, id)
    if stored_now then redis.call('SADD', stored_now, id) end
  end
  found[#found + 1] = new
  found[#found + 1] = redis.call('HGET', cursors, receiver) or ''
  k = k + 3
end
return found
