-- Replaces documents' search terms, except where they have changed in the meantime.
-- KEYS: documents
-- ARGV: for each document: JSON of its old terms, JSON of its new terms
-- Returns the number of documents changed.
local replaced = 0
for i, document in ipairs(KEYS) do
  local before, after = ARGV[2 * i - 1], ARGV[2 * i]
  if redis.call('JSON.GET', document, '.terms') == before then
    redis.call('JSON.SET', document, '.terms', after)
    replaced = replaced + 1
  end
end
return replaced
