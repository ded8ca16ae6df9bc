-- Removes messages that the archive now has from the outbox, unless they have changed since.
-- KEYS: outbox
-- ARGV: id, revision, id, revision, ...
local outbox = KEYS[1]
for i = 1, #ARGV, 2 do
  local id, revision = ARGV[i], ARGV[i + 1]
  if redis.call('ZSCORE', outbox, id) == revision then redis.call('ZREM', outbox, id) end
end
