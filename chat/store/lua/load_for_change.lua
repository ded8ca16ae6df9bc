-- Loads archived messages into Redis for a while so that they can be changed there. A message that Redis already has
-- keeps its own expiry.
-- KEYS: the messages
-- ARGV: seconds, then each one's JSON
local seconds = ARGV[1] -- until a loaded message expires
for i, message in ipairs(KEYS) do
  local json = ARGV[i + 1]
  if redis.call('JSON.SET', message, '$', json, 'NX') then redis.call('EXPIRE', message, seconds) end
end
