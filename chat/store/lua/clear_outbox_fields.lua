-- Removes fields that the archive now has from an outbox hash, unless they have changed since.
-- KEYS: outbox
-- ARGV: field, value, field, value, ...
local outbox = KEYS[1]
for i = 1, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  if redis.call('HGET', outbox, field) == value then redis.call('HDEL', outbox, field) end
end
