-- Take out of an outbox hash what the archive has, unless it has changed since.
-- KEYS: outbox
-- ARGV: field, value, field, value, ...
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
