-- Gives documents other search terms, unless those they had have changed meanwhile.
-- KEYS: documents
-- ARGV: for each document: JSON of the terms it had, JSON of those it shall have
-- Returns how many were given others.
local replaced = 0
for i, document in ipairs(KEYS) do
  local before, after = ARGV[2 * i - 1], ARGV[2 * i]
  if redis.call('JSON.GET', document, '.terms') == before then
    redis.call('JSON.SET', document, '.terms', after)
    replaced = replaced + 1
  end
end
return replaced
