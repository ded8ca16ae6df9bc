-- Removes messages that the archive now has from the outbox, unless they have changed since.
-- The last of them is noted, so that the sync can tell whether the archive still has it.
-- KEYS: outbox, confirmed
-- ARGV: id, revision, id, revision, ...
local outbox, confirmed = KEYS[1], KEYS[2]
for i = 1, #ARGV, 2 do
  local id, revision = ARGV[i], ARGV[i + 1]
  if redis.call('ZSCORE', outbox, id) == revision then redis.call('ZREM', outbox, id) end
end
redis.call('SET', confirmed, ARGV[#ARGV - 1] .. ' ' .. ARGV[#ARGV])
