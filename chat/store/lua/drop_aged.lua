-- Takes messages out of Redis that the archive holds, from the first on, up to one that was changed since: its place in
-- the outbox says so. In one step, so that no change comes between.
-- KEYS: outbox, conversation, then the messages
-- ARGV: their ids
-- Returns how many.
local outbox, conversation, first_message = KEYS[1], KEYS[2], 3
for i, id in ipairs(ARGV) do
  if redis.call('ZSCORE', outbox, id) then return i - 1 end
  redis.call('ZREM', conversation, id)
  redis.call('DEL', KEYS[first_message + i - 1])
end
return #ARGV
