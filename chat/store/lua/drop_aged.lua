-- Removes archived messages from Redis, in order, and stops at the first one in the outbox: it has changed since it was
-- archived. This is one step, so that no change can come in between.
-- KEYS: outbox, conversation, then the messages
-- ARGV: their ids
-- Returns the number of messages removed.
local outbox, conversation, first_message = KEYS[1], KEYS[2], 3
for i, id in ipairs(ARGV) do
  if redis.call('ZSCORE', outbox, id) then return i - 1 end
  redis.call('ZREM', conversation, id)
  redis.call('DEL', KEYS[first_message + i - 1])
end
return #ARGV
