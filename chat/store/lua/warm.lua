-- Put messages of the archive into Redis for a time where it lacks them. One that is there keeps its own time.
-- KEYS: the messages
-- ARGV: seconds, then each one's JSON
for i, key in ipairs(KEYS) do
  if redis.call('JSON.SET', key, '$', ARGV[i + 1], 'NX') then redis.call('EXPIRE', key, ARGV[1]) end
end
