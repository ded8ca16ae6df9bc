-- Takes out of an outbox hash what the archive has, unless it has changed since.
-- KEYS: outbox
-- ARGV: field, value, field, value, ...
local outbox = KEYS[1]
for i = 1, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  if redis.call('HGET', outbox, field) == value then redis.call('HDEL', outbox, field) end
end
