-- Takes out of the outbox what the archive has, unless it has changed since.
-- KEYS: outbox
-- ARGV: id, revision, id, revision, ...
local outbox = KEYS[1]
for i = 1, #ARGV, 2 do
  local id, revision = ARGV[i], ARGV[i + 1]
  if redis.call('ZSCORE', outbox, id) == revision then redis.call('ZREM', outbox, id) end
end
