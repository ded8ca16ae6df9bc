-- Take messages out of Redis that the archive holds, from the first on, up to one that was changed since: its place in
-- the outbox says so. In one step, so that no change comes between.
-- KEYS: outbox, conversation, then the messages
-- ARGV: their ids
-- Returns how many.
for i = 1, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then return i - 1 end
  redis.call('ZREM', KEYS[2], ARGV[i])
  redis.call('DEL', KEYS[i + 2])
end
return #ARGV
