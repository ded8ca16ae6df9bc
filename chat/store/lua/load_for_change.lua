-- Puts messages of the archive into Redis for a time where it lacks them, so that they can be changed there. One that
-- is there keeps its own time.
-- KEYS: the messages
-- ARGV: seconds, then each one's JSON
local seconds = ARGV[1]
for i, message in ipairs(KEYS) do
  local json = ARGV[i + 1]
  if redis.call('JSON.SET', message, '$', json, 'NX') then redis.call('EXPIRE', message, seconds) end
end
