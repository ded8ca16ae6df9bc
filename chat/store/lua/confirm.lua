-- Take out of the outbox what the archive has, unless it has changed since.
-- KEYS: outbox
-- ARGV: id, revision, id, revision, ...
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
