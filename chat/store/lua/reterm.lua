-- Give documents other search terms, unless those they had have changed meanwhile.
-- KEYS: documents
-- ARGV: for each document: JSON of the terms it had, JSON of those it shall have
-- Returns how many were given others.
local changed = 0
for i, key in ipairs(KEYS) do
  if redis.call('JSON.GET', key, '.terms') == ARGV[2 * i - 1] then
    redis.call('JSON.SET', key, '.terms', ARGV[2 * i])
    changed = changed + 1
  end
end
return changed
